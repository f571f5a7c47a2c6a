#include "daemon/cli/http_options.h"

#include <charconv>
#include <utility>

#include "daemon/cli/data_source.h"
#include "lib/base/strings.h"

namespace discovery::cli {
namespace {

constexpr std::string_view kDefaultAddress = "127.0.0.1:8500";

/// The flag's value if it was given, else the variable's, else nothing.
std::string first_of(const std::string& flag, const Environment& env, const char* variable) {
  return flag.empty() ? env(variable).value_or("") : flag;
}

/// A boolean variable; `fallback` if it is not set or empty.
Result<bool> bool_of(const Environment& env, const char* variable, bool fallback) {
  const std::string text = env(variable).value_or("");
  if (text.empty()) return fallback;
  Result<bool> value = parse_bool(text);
  if (!value.ok())
    return invalid_argument(std::string("could not parse ") + variable + ": " + base::go_quote(text));
  return value;
}

/// Splits "host:port", "[v6]:port" or "host" (the scheme's usual port).
Status parse_host_port(std::string_view text, ApiClientConfig& config) {
  Status malformed = invalid_argument("invalid address " + base::go_quote(text));
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return malformed;
    host = text.substr(1, close - 1);
    port = text.substr(close + 1);
    if (!port.empty() && !port.starts_with(':')) return malformed;
    if (!port.empty()) port.remove_prefix(1);
  } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  int number = config.tls ? 443 : 80;
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc() || end != port.data() + port.size()) return malformed;
  }
  if (number < 1 || number > 65535) return malformed;
  // A name with white space or control characters would end up in the Host header.
  for (const char c : host) {
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) == 0x7F) return malformed;
  }
  config.host = host.empty() ? "127.0.0.1" : std::string(host);
  config.port = number;
  return {};
}

Status parse_address(std::string_view address, ApiClientConfig& config) {
  const std::size_t separator = address.find("://");
  if (separator != std::string_view::npos) {
    const std::string_view scheme = address.substr(0, separator);
    address.remove_prefix(separator + 3);
    if (scheme == "unix") {
      config.unix_socket = address;
      return address.empty() ? invalid_argument("missing path of the unix socket") : Status();
    }
    if (scheme == "https") {
      config.tls = true;
    } else if (scheme != "http") {  // "http" does not turn off what CONSUL_HTTP_SSL has turned on
      return invalid_argument("Unknown protocol scheme: " + std::string(scheme));
    }
  }
  const std::size_t slash = address.find('/');
  if (slash != std::string_view::npos) {
    std::string_view path = address.substr(slash);
    while (path.ends_with('/')) path.remove_suffix(1);
    config.base_path = escape_path(path);
    address = address.substr(0, slash);
  }
  return parse_host_port(address, config);
}

void add_if_set(Query& query, const char* name, const std::string& value) {
  if (!value.empty()) query.emplace_back(name, value);
}

}  // namespace

void HttpOptions::declare(FlagSet& flags) {
  constexpr FlagGroup kGroup = FlagGroup::kHttpApi;
  flags.add(
      {"http-addr", "address",
       "Address and port of the agent's HTTP API: host:port, http://, https:// or unix:// and the path of a "
       "socket. Also CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true makes https the default. Default: "
       "http://127.0.0.1:8500.",
       kGroup},
      address_);
  flags.add({"token", "token",
             "ACL token for the request. Also CONSUL_HTTP_TOKEN. Default: the agent's own token.", kGroup},
            token_);
  flags.add(
      {"token-file", "path",
       "File that holds the ACL token; it is used rather than -token. Also CONSUL_HTTP_TOKEN_FILE.", kGroup},
      token_file_);
  flags.add(
      {"ca-file", "path", "File of CA certificates to check the server's with. Also CONSUL_CACERT.", kGroup},
      ca_file_);
  flags.add({"ca-path", "path",
             "Directory of CA certificates to check the server's with. Also CONSUL_CAPATH.", kGroup},
            ca_path_);
  flags.add({"client-cert", "path", "Client certificate for TLS. Also CONSUL_CLIENT_CERT.", kGroup},
            client_cert_);
  flags.add({"client-key", "path", "Key of the client certificate. Also CONSUL_CLIENT_KEY.", kGroup},
            client_key_);
  flags.add(
      {"tls-server-name", "name",
       "Name to expect in the server's certificate. Also CONSUL_TLS_SERVER_NAME. Default: the host.", kGroup},
      tls_server_name_);
  flags.add({"datacenter", "name", "Datacenter to ask. Default: the agent's.", kGroup}, datacenter_);
  flags.add(
      {"stale", "", "Let any server answer a read, which then may be out of date. Default: false.", kGroup},
      stale_);
  flags.add({"namespace", "name", "Namespace to ask, where the server has namespaces. Also CONSUL_NAMESPACE.",
             kGroup},
            namespace_);
  flags.add({"partition", "name",
             "Admin partition to ask, where the server has partitions. Also CONSUL_PARTITION.", kGroup},
            partition_);
}

Result<std::string> HttpOptions::resolve_token(const Environment& env) const {
  // A flag beats the environment, and beside each other the file beats the literal token.
  const bool by_flag = !token_file_.empty() || !token_.empty();
  const std::string path = by_flag ? token_file_ : env("CONSUL_HTTP_TOKEN_FILE").value_or("");
  if (!path.empty()) {
    const Result<std::string> text = read_file(path);
    if (!text.ok())
      return invalid_argument("Error loading token file: " + std::string(text.status().message()));
    const std::string_view token = base::trim(*text);
    if (!token.empty()) return std::string(token);
  }
  return first_of(token_, env, "CONSUL_HTTP_TOKEN");
}

Result<ApiClientConfig> HttpOptions::resolve(const Environment& env) const {
  ApiClientConfig config;
  const Result<bool> tls = bool_of(env, "CONSUL_HTTP_SSL", false);
  if (!tls.ok()) return tls.status();
  config.tls = *tls;
  const Result<bool> verify = bool_of(env, "CONSUL_HTTP_SSL_VERIFY", true);
  if (!verify.ok()) return verify.status();
  config.tls_verify = *verify;

  const std::string address = first_of(address_, env, "CONSUL_HTTP_ADDR");
  const Status parsed = parse_address(address.empty() ? kDefaultAddress : address, config);
  if (!parsed.ok()) return parsed;

  Result<std::string> token = resolve_token(env);
  if (!token.ok()) return token.status();
  config.token = *std::move(token);
  if (const std::string auth = env("CONSUL_HTTP_AUTH").value_or(""); !auth.empty()) {
    const std::size_t colon = auth.find(':');
    config.username = auth.substr(0, colon);
    if (colon != std::string::npos) config.password = auth.substr(colon + 1);
  }
  config.ca_file = first_of(ca_file_, env, "CONSUL_CACERT");
  config.ca_path = first_of(ca_path_, env, "CONSUL_CAPATH");
  config.client_cert = first_of(client_cert_, env, "CONSUL_CLIENT_CERT");
  config.client_key = first_of(client_key_, env, "CONSUL_CLIENT_KEY");
  config.tls_server_name = first_of(tls_server_name_, env, "CONSUL_TLS_SERVER_NAME");
  add_if_set(config.query, "dc", datacenter_);
  add_if_set(config.query, "ns", first_of(namespace_, env, "CONSUL_NAMESPACE"));
  add_if_set(config.query, "partition", first_of(partition_, env, "CONSUL_PARTITION"));
  config.stale = stale_;
  return config;
}

Result<ApiClient> HttpOptions::connect(const Environment& env) const {
  Result<ApiClientConfig> config = resolve(env);
  Result<ApiClient> client = config.ok() ? ApiClient::create(*std::move(config)) : config.status();
  if (client.ok()) return client;
  return Status(client.status().code(),
                "Error connecting to Consul agent: " + std::string(client.status().message()));
}

}  // namespace discovery::cli
