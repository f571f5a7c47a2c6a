#include <filesystem>
#include <future>
#include <thread>

#include <catch2/catch.hpp>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "daemon/cli/http_options.h"
#include "tests/daemon/cli_fake_agent.h"

namespace discovery::cli {
namespace {

using testing::FakeAgent;
using testing::run_cli;
using testing::TemporaryFile;
using Env = testing::Variables;

Result<ApiClientConfig> resolve(const std::vector<std::string>& args, const Env& env = {}) {
  HttpOptions options;
  FlagSet flags;
  options.declare(flags);
  REQUIRE(flags.parse(args).ok());
  return options.resolve(testing::environment_of(env));
}

std::string resolve_error(const std::vector<std::string>& args, const Env& env = {}) {
  return std::string(resolve(args, env).status().message());
}

TEST_CASE("http options: addresses", "[cli][http]") {
  struct Row {
    std::string address;
    bool tls;
    std::string host;
    int port;
    std::string base_path;
  };
  for (const Row& row : std::vector<Row>{{"", false, "127.0.0.1", 8500, ""},
                                         {"h:1", false, "h", 1, ""},
                                         {"h", false, "h", 80, ""},
                                         {":8501", false, "127.0.0.1", 8501, ""},
                                         {"http://h:2", false, "h", 2, ""},
                                         {"https://h:3", true, "h", 3, ""},
                                         {"https://h", true, "h", 443, ""},
                                         {"[::1]:4", false, "::1", 4, ""},
                                         {"http://[::1]", false, "::1", 80, ""},
                                         {"http://h:5/", false, "h", 5, ""},
                                         {"http://h:5/a b/c/", false, "h", 5, "/a%20b/c"}}) {
    INFO(row.address);
    for (const auto& config :
         {resolve({"-http-addr", row.address}), resolve({}, {{"CONSUL_HTTP_ADDR", row.address}})}) {
      REQUIRE(config.ok());
      CHECK(config->tls == row.tls);
      CHECK(config->host == row.host);
      CHECK(config->port == row.port);
      CHECK(config->base_path == row.base_path);
      CHECK(config->unix_socket.empty());
    }
  }
  CHECK(resolve({"-http-addr=unix:///run/x.sock"})->unix_socket == "/run/x.sock");
  CHECK(resolve_error({"-http-addr=ftp://h"}) == "Unknown protocol scheme: ftp");
  CHECK(resolve_error({"-http-addr=unix://"}) == "missing path of the unix socket");
  for (const std::string bad :
       {"h:x", "h:0", "h:65536", "h:99999999999", "[::1", "[::1]x", "::1", "h h:1", "h\r\nX: y:1"}) {
    CHECK(resolve_error({"-http-addr", bad}).starts_with("invalid address \""));
  }
}

TEST_CASE("http options: flags beat the environment", "[cli][http]") {
  const Env env{{"CONSUL_HTTP_ADDR", "env:1"},
                {"CONSUL_HTTP_TOKEN", "env-token"},
                {"CONSUL_CACERT", "env-ca"},
                {"CONSUL_CAPATH", "env-dir"},
                {"CONSUL_CLIENT_CERT", "env-cert"},
                {"CONSUL_CLIENT_KEY", "env-key"},
                {"CONSUL_TLS_SERVER_NAME", "env-name"},
                {"CONSUL_HTTP_AUTH", "user:pass:word"},
                {"CONSUL_NAMESPACE", "env-ns"},
                {"CONSUL_PARTITION", "env-part"},
                {"CONSUL_HTTP_SSL", "true"},
                {"CONSUL_HTTP_SSL_VERIFY", "false"}};
  const auto from_env = resolve({}, env);
  REQUIRE(from_env.ok());
  CHECK(from_env->host == "env");
  CHECK(from_env->token == "env-token");
  CHECK(from_env->ca_file == "env-ca");
  CHECK(from_env->ca_path == "env-dir");
  CHECK(from_env->client_cert == "env-cert");
  CHECK(from_env->client_key == "env-key");
  CHECK(from_env->tls_server_name == "env-name");
  CHECK(from_env->username == "user");
  CHECK(from_env->password == "pass:word");
  CHECK(from_env->query == Query{{"ns", "env-ns"}, {"partition", "env-part"}});
  CHECK(from_env->tls);
  CHECK_FALSE(from_env->tls_verify);

  const auto from_flags = resolve(
      {"-http-addr=http://flag:2", "-token=t", "-ca-file=f", "-ca-path=d", "-client-cert=c", "-client-key=k",
       "-tls-server-name=n", "-datacenter=dc2", "-namespace=ns", "-partition=p", "-stale"},
      env);
  REQUIRE(from_flags.ok());
  CHECK(from_flags->host == "flag");
  CHECK(from_flags->token == "t");
  CHECK(from_flags->ca_file == "f");
  CHECK(from_flags->ca_path == "d");
  CHECK(from_flags->client_cert == "c");
  CHECK(from_flags->client_key == "k");
  CHECK(from_flags->tls_server_name == "n");
  CHECK(from_flags->query == Query{{"dc", "dc2"}, {"ns", "ns"}, {"partition", "p"}});
  CHECK(from_flags->stale);
  CHECK(from_flags->tls);  // what CONSUL_HTTP_SSL asks for, http:// does not turn off

  CHECK(resolve_error({}, {{"CONSUL_HTTP_SSL", "maybe"}}) == "could not parse CONSUL_HTTP_SSL: \"maybe\"");
  CHECK(resolve_error({}, {{"CONSUL_HTTP_SSL_VERIFY", "2"}}) ==
        "could not parse CONSUL_HTTP_SSL_VERIFY: \"2\"");
}

TEST_CASE("http options: where the token comes from", "[cli][http]") {
  const TemporaryFile file("token", " from-file \n");
  const TemporaryFile empty("empty", "\n");
  const Env env{{"CONSUL_HTTP_TOKEN", "env"}};
  const Env env_file{{"CONSUL_HTTP_TOKEN", "env"}, {"CONSUL_HTTP_TOKEN_FILE", file.path()}};
  CHECK(resolve({})->token.empty());
  CHECK(resolve({}, env)->token == "env");
  CHECK(resolve({}, env_file)->token == "from-file");
  CHECK(resolve({"-token=flag"}, env_file)->token == "flag");
  CHECK(resolve({"-token=flag", "-token-file", file.path()}, env)->token == "from-file");
  CHECK(resolve({"-token=flag", "-token-file", empty.path()}, env)->token == "flag");
  CHECK(resolve({"-token-file", empty.path()}, env)->token == "env");
  CHECK(resolve_error({"-token-file=/no/file"}) ==
        "Error loading token file: open /no/file: no such file or directory");
}

TEST_CASE("http client: headers", "[cli][http]") {
  FakeAgent agent;
  agent.on("GET /v1/catalog/datacenters", "[]");
  const auto header = [&](const std::string& name) {
    const auto seen = agent.seen();
    const auto at = seen.back().headers.find(name);
    return at == seen.back().headers.end() ? std::string("absent") : at->second;
  };
  run_cli(agent, {"catalog", "datacenters"});
  CHECK(header("x-consul-token") == "absent");
  CHECK(header("authorization") == "absent");
  CHECK(header("host") == agent.address());

  const auto run = run_cli({"catalog", "datacenters", "-token=secret"},
                           {.env = {{"CONSUL_HTTP_ADDR", agent.address()}, {"CONSUL_HTTP_AUTH", "u:p"}}});
  CHECK(run.code == 0);
  CHECK(header("x-consul-token") == "secret");
  CHECK(header("authorization") == "Basic dTpw");

  const std::size_t before = agent.seen().size();
  const auto refused = run_cli(agent, {"catalog", "datacenters", "-token", "a\r\nX-Evil: 1"});
  CHECK(refused.code == 1);
  CHECK(refused.err ==
        "Error connecting to Consul agent: the token contains characters that cannot be sent in a header\n");
  CHECK(agent.seen().size() == before);
}

TEST_CASE("http client: a path before /v1", "[cli][http]") {
  FakeAgent agent;
  agent.on("GET /sub/v1/catalog/datacenters", R"(["dc1"])");
  CHECK(run_cli({"catalog", "datacenters", "-http-addr=http://" + agent.address() + "/sub/"}).out == "dc1\n");
}

TEST_CASE("http client: unix socket", "[cli][http]") {
  const TemporaryFile socket("sock", "");
  std::filesystem::remove(socket.path());
  FakeAgent agent({.unix_socket = socket.path()});
  agent.on("GET /v1/catalog/datacenters", R"(["dc1"])");
  const auto run = run_cli(agent, {"catalog", "datacenters"});
  CHECK(run.err == "");
  CHECK(run.out == "dc1\n");
  CHECK(agent.seen().at(0).headers.find("host")->second == "localhost");
  CHECK(
      run_cli({"catalog", "datacenters", "-http-addr=unix:///no/socket"}).err ==
      "Error listing datacenters: Get \"unix:///no/socket:/v1/catalog/datacenters\": dial unix /no/socket: "
      "connect: no such file or directory; does an agent run there? -http-addr (CONSUL_HTTP_ADDR) says where "
      "to ask\n");
}

TEST_CASE("http client: nobody listens", "[cli][http]") {
  std::string address;
  {
    FakeAgent agent;
    address = agent.address();
  }
  const auto run = run_cli({"kv", "get", "-http-addr", address, "a"});
  CHECK(run.code == 1);
  CHECK(run.out == "");
  const std::string why = "/v1/kv/a\": dial tcp " + address +
                          ": connect: connection refused; does an agent run there? "
                          "-http-addr (CONSUL_HTTP_ADDR) says where to ask\n";
  CHECK(run.err == "Error querying Consul agent: Get \"http://" + address + why);
  CHECK(run_cli({"kv", "put", "-http-addr", address, "a"}).err ==
        "Error! Failed writing data: Put \"http://" + address + why);
}

TEST_CASE("http client: a request is broken off from another thread", "[cli][http]") {
  std::promise<void> asked;
  std::promise<void> answered;
  FakeAgent agent;  // its thread may only now come to look at them
  agent.on_each("GET /v1/slow", {{.before = [&] {
                  asked.set_value();
                  answered.get_future().wait();
                }}});
  Result<ApiClient> client = ApiClient::create(*resolve({"-http-addr", agent.address()}));
  REQUIRE(client.ok());
  std::thread other([&] {
    asked.get_future().wait();
    client->cancel();
  });
  const Status broken_off = client->send({.path = "/v1/slow"}).status();
  other.join();
  answered.set_value();
  CHECK(broken_off.code() == Code::kCancelled);
  CHECK(broken_off.message() == "Get \"http://" + agent.address() + "/v1/slow\": cancelled");
  CHECK(client->send({.path = "/v1/other"}).status().code() == Code::kCancelled);
  CHECK(agent.seen().size() == 1);
}

/// A certificate of its own making for localhost and 127.0.0.1, as PEM.
struct SelfSigned {
  std::string certificate;
  std::string key;

  SelfSigned() {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pair(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> x509(X509_new(), &X509_free);
    X509_set_version(x509.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509.get()), 3600);
    X509_set_pubkey(x509.get(), pair.get());
    X509_NAME* const name = X509_get_subject_name(x509.get());
    const auto* const common_name = reinterpret_cast<const unsigned char*>("agent");
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0);
    X509_set_issuer_name(x509.get(), name);
    X509_EXTENSION* const names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:server.dc1.consul,IP:127.0.0.1");
    X509_add_ext(x509.get(), names, -1);
    X509_EXTENSION_free(names);
    REQUIRE(X509_sign(x509.get(), pair.get(), EVP_sha256()) != 0);
    certificate = pem([&](BIO* out) { PEM_write_bio_X509(out, x509.get()); });
    key = pem(
        [&](BIO* out) { PEM_write_bio_PrivateKey(out, pair.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  }

 private:
  template <class Write>
  static std::string pem(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
    write(out.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
  }
};

TEST_CASE("http client: TLS", "[cli][http]") {
  const SelfSigned pair;
  const TemporaryFile certificate("crt", pair.certificate);
  const TemporaryFile key("key", pair.key);
  FakeAgent agent({.certificate_file = certificate.path(), .key_file = key.path()});
  agent.on("GET /v1/catalog/datacenters", R"(["dc1"])");
  const std::string by_name = "https://localhost" + agent.address().substr(agent.address().rfind(':'));
  const auto list = [&](const std::string& address, std::vector<std::string> flags, Env env = {}) {
    flags.insert(flags.begin(), {"catalog", "datacenters"});
    env["CONSUL_HTTP_ADDR"] = address;
    return run_cli(flags, {.env = env});
  };
  const std::string ca = "-ca-file=" + certificate.path();

  CHECK(list(agent.address(), {ca}).out == "dc1\n");
  CHECK(list(agent.address(), {}, {{"CONSUL_CACERT", certificate.path()}}).out == "dc1\n");
  CHECK(list(agent.address().substr(8), {ca}, {{"CONSUL_HTTP_SSL", "1"}}).out == "dc1\n");
  CHECK(list(agent.address(), {}, {{"CONSUL_HTTP_SSL_VERIFY", "false"}}).out == "dc1\n");
  CHECK(list(by_name, {ca, "-tls-server-name=server.dc1.consul"}).out == "dc1\n");
  const std::size_t served = agent.seen().size();

  SECTION("a certificate of nobody we trust") {
    const auto run = list(agent.address(), {});
    CHECK(run.code == 1);
    CHECK(run.err.starts_with("Error listing datacenters: Get \"" + agent.address() +
                              "/v1/catalog/datacenters\": tls: failed to verify certificate: x509: "));
  }
  SECTION("a certificate for another name") {
    CHECK(list(by_name, {ca}).code == 1);
    CHECK(list(agent.address(), {ca, "-tls-server-name=other.consul"}).code == 1);
  }
  SECTION("a server that demands to know who asks") {
    FakeAgent strict({.certificate_file = certificate.path(),
                      .key_file = key.path(),
                      .client_ca_file = certificate.path()});
    strict.on("GET /v1/catalog/datacenters", R"(["dc1"])");
    const std::vector<std::string> flags = {ca, "-client-cert", certificate.path(), "-client-key",
                                            key.path()};
    CHECK(list(strict.address(), flags).out == "dc1\n");
    CHECK(list(strict.address(), {ca}).code == 1);
    CHECK(list(strict.address(), {ca, "-client-cert", certificate.path()}).err ==
          "Error connecting to Consul agent: both client cert and client key must be provided\n");
    CHECK(strict.seen().size() == 1);
  }
  SECTION("a server that speaks no TLS") {
    FakeAgent plain;
    CHECK(list("https://" + plain.address(), {ca}).code == 1);
  }
  CHECK(agent.seen().size() == served);
}

TEST_CASE("http client: certificates that cannot be read", "[cli][http]") {
  CHECK(run_cli({"catalog", "datacenters", "-ca-file=/no/ca.pem"}).err ==
        "Error connecting to Consul agent: Error loading CA File: cannot read /no/ca.pem\n");
  const TemporaryFile nonsense("pem", "nonsense");
  const auto run = run_cli({"catalog", "datacenters", "-http-addr=https://127.0.0.1:1", "-client-cert",
                            nonsense.path(), "-client-key", nonsense.path()});
  CHECK(run.err.starts_with("Error connecting to Consul agent: cannot read the client certificate " +
                            nonsense.path() + ": "));
}

}  // namespace
}  // namespace discovery::cli
