#include "lib/model/validation.h"

#include <string>

#include <catch2/catch.hpp>

namespace discovery::model {
namespace {

std::string message(const Status& status) { return std::string(status.message()); }

ServiceInstance service_of(std::string kind, std::int64_t port) {
  ServiceInstance service;
  service.kind = std::move(kind);
  service.port = port;
  return service;
}

ServiceInstance proxy_for(ConnectProxy proxy) {
  auto service = service_of("connect-proxy", 1);
  service.proxy = std::make_shared<const ConnectProxy>(std::move(proxy));
  return service;
}

ConnectProxy to(std::string destination) {
  ConnectProxy proxy;
  proxy.destination_service_name = std::move(destination);
  return proxy;
}

ExposePath exposed(std::int64_t port, std::string path, std::string protocol = {}) {
  ExposePath result;
  result.listener_port = port;
  result.path = std::move(path);
  result.protocol = std::move(protocol);
  return result;
}

Upstream upstream(std::string name, std::int64_t port) {
  Upstream result;
  result.destination_name = std::move(name);
  result.local_bind_port = port;
  return result;
}

TEST_CASE("Plain services and unknown kinds may look as they like", "[validation]") {
  CHECK(validate_service({}).ok());
  CHECK(validate_service(service_of("strange", -1)).ok());
}

TEST_CASE("All that is wrong with a proxy is said at once", "[validation]") {
  CHECK(message(validate_service(service_of("connect-proxy", 0))) ==
        "2 errors occurred:\n\t* Proxy.DestinationServiceName must be non-empty for Connect proxy services\n"
        "\t* Port or SocketPath must be set for a Connect proxy\n\n");
  CHECK(
      message(validate_service(service_of("connect-proxy", 1))) ==
      "1 error occurred:\n\t* Proxy.DestinationServiceName must be non-empty for Connect proxy services\n\n");
  auto native = proxy_for(to("*"));
  native.connect.native = true;
  CHECK(message(validate_service(native)) ==
        "2 errors occurred:\n\t* Proxy.DestinationServiceName must not be a wildcard for Connect proxy "
        "services\n"
        "\t* A Proxy cannot also be Connect Native, only typical services\n\n");
  CHECK(validate_service(proxy_for(to("web"))).ok());
}

TEST_CASE("A proxy's upstreams differ in where they listen and in where they lead", "[validation]") {
  auto proxy = to("web");
  proxy.upstreams = {upstream("a", 1), upstream("b", 2)};
  CHECK(validate_service(proxy_for(proxy)).ok());

  proxy.upstreams = {upstream("a", 1), upstream("b", 1), upstream("a", 2), upstream("", 3), upstream("c", 0)};
  CHECK(
      message(validate_service(proxy_for(proxy))) ==
      "4 errors occurred:\n"
      "\t* upstreams cannot contain duplicates by local bind address and port or unix path; \"127.0.0.1:1\" "
      "is "
      "specified twice\n"
      "\t* upstreams cannot contain duplicates of [type=\"\", name=\"a\", namespace=\"\", datacenter=\"\"]\n"
      "\t* upstream destination name cannot be empty\n"
      "\t* upstream local bind port or local socket path must be defined and nonzero\n\n");
}

TEST_CASE("A proxy exposes each path once, on a port of its own", "[validation]") {
  auto proxy = to("web");
  proxy.expose.paths = {exposed(1, "/a", "HTTP2"), exposed(1, "/a", "gopher"), exposed(70000, "")};
  CHECK(message(validate_service(proxy_for(proxy))) ==
        "5 errors occurred:\n"
        "\t* expose.paths: duplicate paths exposed\n"
        "\t* expose.paths: duplicate listener ports exposed\n"
        "\t* protocol 'gopher' not supported for path: /a, must be in: [http http2]\n"
        "\t* expose.paths: empty path exposed\n"
        "\t* expose.paths: invalid listener port: 70000\n\n");
}

TEST_CASE("A gateway stands for no single service", "[validation]") {
  auto proxy = to("web");
  proxy.local_service_port = 1;
  auto gateway = proxy_for(proxy);
  gateway.kind = "mesh-gateway";
  gateway.port = 0;
  CHECK(message(validate_service(gateway)) ==
        "3 errors occurred:\n\t* Port must be non-zero for a mesh-gateway\n"
        "\t* The Proxy.DestinationServiceName configuration is invalid for a mesh-gateway\n"
        "\t* The Proxy.LocalServicePort configuration is invalid for a mesh-gateway\n\n");
  CHECK(validate_service(service_of("ingress-gateway", 443)).ok());
}

TEST_CASE("Metadata keep their bounds", "[validation]") {
  const std::string longest_key(kMaxMetaKeySize, 'k');
  const std::string longest_value(kMaxMetaValueSize, 'v');
  CHECK(validate_meta({{longest_key, longest_value}, {"a_B-9", ""}}).ok());
  CHECK(message(validate_meta({{"", "v"}})) == "Couldn't load metadata pair ('', 'v'): Key cannot be blank");
  CHECK(message(validate_meta({{"bad key!", "v"}})) ==
        "Couldn't load metadata pair ('bad key!', 'v'): Key contains invalid characters");
  CHECK(message(validate_meta({{longest_key + "k", "v"}})) ==
        "Couldn't load metadata pair ('" + longest_key + "k', 'v'): Key is too long (limit: 128 characters)");
  CHECK(message(validate_meta({{"consul-x", "v"}})) ==
        "Couldn't load metadata pair ('consul-x', 'v'): Key prefix 'consul-' is reserved for internal use");
  CHECK(message(validate_meta({{"k", longest_value + "v"}})) ==
        "Couldn't load metadata pair ('k', '" + longest_value +
            "v'): Value is too long (limit: 512 characters)");
  Labels many;
  for (std::size_t i = 0; i < kMaxMetaPairs; ++i) many.set("k" + std::to_string(i), "v");
  CHECK(validate_meta(many).ok());
  many.set("one-more", "v");
  CHECK(message(validate_meta(many)) == "Node metadata cannot contain more than 64 key/value pairs");
}

TEST_CASE("Weights keep their bounds", "[validation]") {
  CHECK(validate_weights({.passing = 1, .warning = 0}).ok());
  CHECK(validate_weights({.passing = 65535, .warning = 65535}).ok());
  CHECK(message(validate_weights({.passing = 0, .warning = 0})) == "Passing must be greater than 0");
  CHECK(message(validate_weights({.passing = 1, .warning = -1})) ==
        "Warning must be greater or equal than 0");
  CHECK(message(validate_weights({.passing = 65536, .warning = 1})) ==
        "DNS Weight must be between 0 and 65535");
  CHECK(message(validate_weights({.passing = 1, .warning = 65536})) ==
        "DNS Weight must be between 0 and 65535");
}

}  // namespace
}  // namespace discovery::model
