#include "lib/agent/config.h"

#include <string>

#include <catch2/catch.hpp>

namespace discovery::agent {
namespace {

/// What a host program that knows nothing of files would write.
Config minimal() {
  Config config;
  config.node_name = "host";
  config.data_dir = "/var/lib/host";
  config.bind_addr = "127.0.0.1";
  return config;
}

std::string error_of(const Config& config) { return std::string(validate(config).status().message()); }

TEST_CASE("a configuration made by hand is checked like one from files") {
  const auto warnings = validate(minimal());
  REQUIRE(warnings.ok());
  CHECK(warnings->empty());

  Config config = minimal();
  config.node_name.clear();
  CHECK(error_of(config) == "node_name cannot be empty");
  config = minimal();
  config.data_dir.clear();
  CHECK(error_of(config) == "data_dir cannot be empty");
  config.dev_mode = true;
  CHECK(error_of(config).empty());
  config.ports.http = 0;
  CHECK(error_of(config) == "ports.http: invalid port: 0");
  config.ports.http = 65536;
  CHECK(error_of(config) == "ports.http: invalid port: 65536");
  config.ports.http = kPortOff;
  CHECK(error_of(config).empty());
  config.addresses.http = {"unix://"};
  CHECK(error_of(config) == "addresses.http: invalid ip address: unix://");
  config.addresses.http = {"unix:///run/a.sock", "unix:///run/a.sock"};
  CHECK(error_of(config).empty());
  config.ports.http = 8500;
  CHECK(error_of(config) == "HTTP address /run/a.sock already configured for HTTP");
  config = minimal();
  config.client_addr = {"unix:///run/a.sock"};
  CHECK(error_of(config) == "client_addr cannot be a unix socket");
  config = minimal();
  config.bind_addr = "somewhere";
  CHECK(error_of(config) == "bind_addr must be an ip address");
  config = minimal();
  config.client_addr = {"::1"};
  config.ports.dns = 8500;
  CHECK(error_of(config) == "HTTP address [::1]:8500 already configured for DNS");
  config = minimal();
  config.dns_config.service_ttl["web"] = -std::chrono::seconds(1);
  CHECK(error_of(config) == "dns_config.service_ttl[\"web\"] cannot be negative");
}

TEST_CASE("names of datacenters") {
  for (const char* name : {"dc1", "a", "east_1-b", "0"}) CHECK(is_valid_datacenter(name));
  for (const char* name : {"", "DC1", "a.b", "a b", "\xC3\xA9"}) CHECK_FALSE(is_valid_datacenter(name));
}

TEST_CASE("versions of IP") {
  CHECK(ip_version("127.0.0.1") == 4);
  CHECK(ip_version("::1") == 6);
  CHECK(ip_version("::ffff:10.0.0.1") == 6);
  for (const char* text : {"", "1.2.3", "1.2.3.256", "host", "[::1]", "127.0.0.1:80", "fe80::1%eth0"}) {
    CHECK(ip_version(text) == 0);
  }
}

}  // namespace
}  // namespace discovery::agent
