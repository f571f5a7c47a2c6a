#include <catch2/catch.hpp>

#include "daemon/cli/service_definition.h"
#include "lib/api/definition_form.h"
#include "lib/hcl/hcl.h"
#include "tests/daemon/cli_fake_agent.h"

namespace discovery::cli {
namespace {

using testing::FakeAgent;
using testing::run_cli;
using testing::TemporaryFile;

constexpr const char* kRegister = "PUT /v1/agent/service/register";

std::string api_json(const std::string& text) {
  const auto value = hcl::parse_hcl(text);
  REQUIRE(value.status() == Status());
  return api::to_json(api::to_api_form(*value));
}

TEST_CASE("service definition: names of the API", "[cli][services]") {
  CHECK(api_json("") == "{}");
  CHECK(
      api_json(R"(
          id = "web-1"
          name = "web"
          port = 80
          socket_path = "/run/web"
          tags = ["a", "b"]
          enable_tag_override = true
          weights { passing = 2 warning = 1 }
          meta { some_key = "v" }
          tagged_addresses { my_wan { address = "10.0.0.1" port = 81 } }
        )") ==
      R"({"ID":"web-1","Name":"web","Port":80,"SocketPath":"/run/web","Tags":["a","b"],"EnableTagOverride":true,)"
      R"("Weights":{"Passing":2,"Warning":1},"Meta":{"some_key":"v"},)"
      R"("TaggedAddresses":{"my_wan":{"Address":"10.0.0.1","Port":81}}})");
}

TEST_CASE("service definition: checks", "[cli][services]") {
  CHECK(
      api_json(R"(check { id = "c" http = "http://x" tls_skip_verify = true header { x_y = ["z"] } ttl = "1s"
                            docker_container_id = "d" grpc_use_tls = true deregister_critical_service_after = "1m" })") ==
      R"({"Check":{"CheckID":"c","HTTP":"http://x","TLSSkipVerify":true,"Header":{"x_y":["z"]},"TTL":"1s",)"
      R"("DockerContainerID":"d","GRPCUseTLS":true,"DeregisterCriticalServiceAfter":"1m"}})");
  CHECK(
      api_json(
          R"(checks = [{ id = "a" output_max_size = 1 }, { alias_service = "b" success_before_passing = 2 }])") ==
      R"({"Checks":[{"CheckID":"a","OutputMaxSize":1},{"AliasService":"b","SuccessBeforePassing":2}]})");
}

TEST_CASE("service definition: proxies", "[cli][services]") {
  CHECK(
      api_json(R"(
          kind = "connect-proxy"
          proxy {
            destination_service_name = "db"
            destination_service_id = "db-1"
            config { local_connect_timeout_ms = 5 nested { a_b = 1 } }
            upstreams = [{ destination_name = "x" local_bind_port = 1 config { c_d = true } }]
            expose { checks = true paths = [{ local_path_port = 1 listener_port = 2 }] }
            mesh_gateway { mode = "local" }
          }
          connect { native = true sidecar_service { port = 1 } }
        )") ==
      R"({"Kind":"connect-proxy","Proxy":{"DestinationServiceName":"db","DestinationServiceID":"db-1",)"
      R"("Config":{"local_connect_timeout_ms":5,"nested":{"a_b":1}},)"
      R"("Upstreams":[{"DestinationName":"x","LocalBindPort":1,"Config":{"c_d":true}}],)"
      R"("Expose":{"Checks":true,"Paths":[{"LocalPathPort":1,"ListenerPort":2}]},"MeshGateway":{"Mode":"local"}},)"
      R"("Connect":{"Native":true,"SidecarService":{"Port":1}}})");
}

TEST_CASE("service definition: filled in", "[cli][services]") {
  const auto fill = [](const std::string& own, const std::string& given) {
    auto definition = hcl::parse_json(own);
    const auto with = hcl::parse_json(given);
    REQUIRE(definition.ok());
    REQUIRE(with.ok());
    fill_in(*definition, *with);
    return api::to_json(*definition);
  };
  CHECK(fill(R"({"Name":"a","Port":1})", R"({"Port":2,"Address":"x"})") ==
        R"({"Name":"a","Port":1,"Address":"x"})");
  CHECK(fill(R"({"Tags":["a"]})", R"({"Tags":["b","c"]})") == R"({"Tags":["a","b","c"]})");
  CHECK(fill(R"({"Meta":{"a":"1","b":"1"}})", R"({"Meta":{"b":"2","c":"2"}})") ==
        R"({"Meta":{"a":"1","b":"2","c":"2"}})");
}

TEST_CASE("services register: by flags", "[cli][services]") {
  FakeAgent agent;
  agent.on(kRegister, "");
  const auto run =
      run_cli(agent, {"services", "register", "-name=web", "-id=web-1", "-address=10.0.0.1", "-port=8080",
                      "-tag=a", "-tag", "b", "-meta=k=v", "-tagged-address", "wan=1.2.3.4:80",
                      "-tagged-address=lan_ipv6=[::1]:81", "-kind=typical", "-datacenter=dc1"});
  CHECK(run.err == "");
  CHECK(run.code == 0);
  CHECK(run.out == "Registered service: web\n");
  REQUIRE(agent.seen().size() == 1);
  const auto seen = agent.seen()[0];
  CHECK(seen.line == "PUT /v1/agent/service/register?dc=dc1");
  CHECK(seen.headers.at("content-type") == "application/json");
  CHECK(seen.body ==
        R"({"Kind":"typical","ID":"web-1","Name":"web","Tags":["a","b"],"Port":8080,"Address":"10.0.0.1",)"
        R"("TaggedAddresses":{"lan_ipv6":{"Address":"::1","Port":81},"wan":{"Address":"1.2.3.4","Port":80}},)"
        R"("Meta":{"k":"v"}})");
}

TEST_CASE("services register: the least", "[cli][services]") {
  FakeAgent agent;
  agent.on(kRegister, "");
  CHECK(run_cli(agent, {"services", "register", "-name=web", "-socket=/run/s"}).code == 0);
  CHECK(agent.seen().at(0).body == R"({"Name":"web","SocketPath":"/run/s"})");
}

TEST_CASE("services register: from files", "[cli][services]") {
  FakeAgent agent;
  agent.on(kRegister, "");
  const TemporaryFile web("web.hcl", R"(
    datacenter = "dc1"
    services { name = "web" port = 80 tags = ["t"] check { tcp = "localhost:80" interval = "10s" } }
    services { name = "web2" }
  )");
  const TemporaryFile db("db.json",
                         R"({"service":{"name":"db","id":"db-1"},"services":[{"name":"x"},{"name":"y"}]})");
  const TemporaryFile empty("empty.json", "");
  const auto run = run_cli(agent, {"services", "register", web.path(), empty.path(), db.path()});
  CHECK(run.err == "");
  CHECK(run.code == 0);
  CHECK(run.out ==
        "Registered service: web\nRegistered service: web2\nRegistered service: db\nRegistered service: x\n"
        "Registered service: y\n");
  const auto seen = agent.seen();
  REQUIRE(seen.size() == 5);
  CHECK(seen[0].body ==
        R"({"Name":"web","Port":80,"Tags":["t"],"Check":{"TCP":"localhost:80","Interval":"10s"}})");
  CHECK(seen[2].body == R"({"Name":"db","ID":"db-1"})");

  SECTION("flags beside the file fill in what it leaves open") {
    CHECK(
        run_cli(agent, {"services", "register", "-address=1.1.1.1", "-port=9", "-tag=u", web.path()}).code ==
        0);
    const auto again = agent.seen();
    REQUIRE(again.size() == 7);
    CHECK(again[5].body == R"({"Name":"web","Port":80,"Tags":["t","u"],"Check":{"TCP":"localhost:80",)"
                           R"("Interval":"10s"},"Address":"1.1.1.1"})");
    CHECK(again[6].body == R"({"Name":"web2","Tags":["u"],"Port":9,"Address":"1.1.1.1"})");
  }
}

TEST_CASE("services register: errors", "[cli][services]") {
  FakeAgent agent;
  agent.on(kRegister, "Missing service name", 400);
  const auto error = [&](std::vector<std::string> args) {
    args.insert(args.begin(), {"services", "register"});
    const auto run = run_cli(agent, args);
    CHECK(run.code == 1);
    CHECK(run.out == "");
    return run.err;
  };
  CHECK(error({}) == "Service registration requires at least one argument or flags.\n");
  CHECK(error({"-id=x"}) == "Service registration requires at least one argument or flags.\n");
  CHECK(error({"-name=x", "file.hcl"}) == "Service registration requires arguments or -id, not both.\n");
  CHECK(error({"-name=x", "-tagged-address=wan=1.2.3.4"}) ==
        "Invalid Tagged Address: address 1.2.3.4: missing port in address\n");
  CHECK(error({"-name=x", "-tagged-address=wan=[::1]"}) ==
        "Invalid Tagged Address: address [::1]: missing port in address\n");
  CHECK(error({"-name=x", "-tagged-address=wan=::1"}) ==
        "Invalid Tagged Address: address ::1: too many colons in address\n");
  CHECK(error({"-name=x", "-tagged-address=wan=h:p"}) ==
        "Invalid Tagged Address: strconv.Atoi: parsing \"p\": invalid syntax\n");
  CHECK(error({"-name=x", "-tagged-address=wan"})
            .starts_with("invalid value \"wan\" for flag -tagged-address: "));
  CHECK(error({"/no/web.hcl"})
            .starts_with(
                "Error: config: Open failed on /no/web.hcl. open /no/web.hcl: no such file or directory\n"));
  const TemporaryFile yaml("web.yml", "x");
  CHECK(error({yaml.path()}).starts_with("Error: file " + yaml.path() + " has unknown extension; "));
  const TemporaryFile broken("broken.hcl", "service {");
  CHECK(error({broken.path()}).starts_with("Error: failed to parse " + broken.path() + ": "));
  const TemporaryFile odd("odd.json", "{\"services\": [7]}");
  CHECK(error({odd.path()})
            .find("* 'services[0]' expected a map, got 'int'\n    where: " + odd.path() + ":1\n") !=
        std::string::npos);
  const TemporaryFile unknown("unknown.hcl", "service { nmae = \"x\" }");
  CHECK(error({unknown.path()}).find("* invalid config key service.nmae") != std::string::npos);
  const TemporaryFile none("none.hcl", "datacenter = \"dc1\"");
  CHECK(error({none.path()}) == "Error: no service is defined in the given files\n");
  CHECK(agent.seen().empty());

  const TemporaryFile nameless("nameless.hcl", "service { port = 1 }");
  CHECK(error({nameless.path()}) ==
        "Error registering service \"\": Unexpected response code: 400 (Missing service name)\n");
}

TEST_CASE("services deregister", "[cli][services]") {
  FakeAgent agent;
  agent.on("PUT /v1/agent/service/deregister/web 1", "");
  agent.on("PUT /v1/agent/service/deregister/db", "");
  SECTION("by id") {
    const auto run = run_cli(agent, {"services", "deregister", "-id=web 1"});
    CHECK(run.code == 0);
    CHECK(run.out == "Deregistered service: web 1\n");
    CHECK(run.err == "");
    CHECK(agent.only_line() == "PUT /v1/agent/service/deregister/web%201");
  }
  SECTION("by files") {
    const TemporaryFile file(
        "web.json", R"({"services":[{"name":"web","id":"web 1"},{"name":"db"},{"port":1},{"name":"no"}]})");
    const auto run = run_cli(agent, {"services", "deregister", file.path()});
    CHECK(run.code == 1);
    CHECK(run.out == "Deregistered service: web 1\nDeregistered service: db\n");
    CHECK(run.err == "Error deregistering service \"no\": Unexpected response code: 404 ()\n");
  }
  SECTION("errors") {
    CHECK(run_cli(agent, {"services", "deregister"}).err ==
          "Service deregistration requires at least one argument or -id.\n");
    CHECK(run_cli(agent, {"services", "deregister", "-id=a", "b"}).err ==
          "Service deregistration requires arguments or -id, not both.\n");
    CHECK(run_cli(agent, {"services", "deregister", "/no.hcl"})
              .err.starts_with(
                  "Error: config: Open failed on /no.hcl. open /no.hcl: no such file or directory\n"));
    CHECK(agent.seen().empty());
  }
}

}  // namespace
}  // namespace discovery::cli
