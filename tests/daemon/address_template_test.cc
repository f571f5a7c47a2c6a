#include "daemon/config/address_template.h"

#include <string>

#include <catch2/catch.hpp>

#include "tests/daemon/config_fixture.h"

namespace discovery::config {
namespace {

using namespace testing;
using Strings = std::vector<std::string>;

std::string expand(const std::string& text) {
  const auto expanded = expand_address_template(text, *machine().interfaces());
  return expanded.ok() ? *expanded : "error: " + std::string(expanded.status().message());
}

TEST_CASE("templates choose among the machine's addresses", "[template]") {
  struct Case {
    const char* text;
    const char* result;
  };
  const Case cases[] = {
      {"no template", "no template"},
      {"{{ GetPrivateIP }}", "10.1.2.3"},
      {"{{GetPrivateIP}}", "10.1.2.3"},
      {"{{ GetPrivateIP }}:8301", "10.1.2.3:8301"},
      {"{{ GetPrivateIPs }}", "10.1.2.3 192.168.7.8"},
      {"{{ GetPublicIP }} {{ GetPublicIPs }}", "2001:db9::1 2001:db9::1"},
      {"{{ GetInterfaceIP \"eth1\" }}", "192.168.7.8"},
      {"{{ GetInterfaceIP `eth.` }}", "10.1.2.3"},
      {"{{ GetInterfaceIPs \"eth1\" }}", "192.168.7.8 2001:db9::1"},
      {"{{ GetInterfaceIP \"eth\" }}", ""},
      {"{{ GetInterfaceIP \"lo\" }}", ""},
      {"{{ GetDefaultInterfaces | attr \"address\" }}", "10.1.2.3"},
      {"{{ GetAllInterfaces | include \"name\" \"^eth\" | exclude \"type\" \"IPv6\" | join \"address\" \",\" "
       "}}",
       "10.1.2.3,192.168.9.9,192.168.7.8"},
      {"{{ GetAllInterfaces | include \"network\" \"192.168.0.0/16\" | sort \"-address\" | attr \"address\" "
       "}}",
       "192.168.9.9"},
      {"{{ GetAllInterfaces | include \"flags\" \"up|forwardable\" | include \"type\" \"ipv4\" | join "
       "\"name\" \" \" }}",
       "eth0 eth1"},
      {"{{ GetAllInterfaces | include \"flag\" \"loopback\" | attr \"network\" }}", "127.0.0.0/8"},
      {"{{ GetAllInterfaces | include \"rfc\" \"1918\" | sort \"size,address\" | join \"string\" \" \" }}",
       "10.1.2.3/24 192.168.9.9/24 192.168.7.8/16"},
      {"{{ GetAllInterfaces | include \"rfcs\" \"6598|4193\" | attr \"address\" }}", ""},
      {"{{ GetAllInterfaces | sort \"name\" | unique \"name\" | join \"name\" \" \" }}", "eth0 eth1 eth2 lo"},
      {"{{ GetAllInterfaces | sort \"name\" | limit 1 | attr \"name\" }}", "eth0"},
      {"{{ GetAllInterfaces | sort \"name\" | offset 1 | limit 1 | attr \"mask_bits\" }}", "16"},
      {"{{ GetAllInterfaces | sort \"name\" | offset -1 | attr \"type\" }}", "IPv4"},
      {"{{ attr \"address\" (limit 1 GetPrivateInterfaces) }}",
       "error: unexpected \"GetPrivateInterfaces\" in operand"},
      {"{{ attr \"address\" (GetPrivateInterfaces | limit 1) }}", "10.1.2.3"},
      {"{{ GetPublicInterfaces | attr \"address\" }}", "2001:db9::1"},
      {"{{ \"text\" }}", "text"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(expand(c.text) == c.result);
  }
}

TEST_CASE("templates that make no sense say so", "[template]") {
  for (const char* text : {"{{ GetPrivateIP",
                           "{{ }}",
                           "{{ Nope }}",
                           "{{ GetAllInterfaces }}",
                           "{{ GetPrivateIP | attr \"x\" }}",
                           "{{ GetAllInterfaces | attr \"x\" }}",
                           "{{ GetAllInterfaces | sort \"x\" }}",
                           "{{ GetAllInterfaces | sort \"-\" }}",
                           "{{ GetAllInterfaces | include \"x\" \"y\" }}",
                           "{{ GetAllInterfaces | include \"type\" \"ipx\" }}",
                           "{{ GetAllInterfaces | include \"name\" \"[\" }}",
                           "{{ GetAllInterfaces | include \"network\" \"10.0.0.0\" }}",
                           "{{ GetAllInterfaces | include \"rfc\" \"1\" }}",
                           "{{ GetAllInterfaces | include \"flags\" \"fast\" }}",
                           "{{ GetAllInterfaces | limit \"1\" }}",
                           "{{ GetAllInterfaces | limit -1 }}",
                           "{{ GetInterfaceIP 5 }}",
                           "{{ GetInterfaceIP \"eth0 }}",
                           "{{ (GetPrivateIP }}",
                           "{{ GetPrivateIP ) }}",
                           "{{ | }}",
                           "{{ ((((((((((((((((((((1)))))))))))))))))))) }}"}) {
    INFO(text);
    CHECK(expand(text).starts_with("error: "));
  }
}

TEST_CASE("addresses of the configuration may be templates", "[template]") {
  const agent::Config config = must_load(
      {"-dev", "-bind={{ GetInterfaceIP \"eth0\" }}", "-client={{ GetPrivateIPs }} 127.0.0.1", "-hcl",
       "advertise_addr_wan = \"{{ GetPublicIP }}\" recursors = [\"{{ GetInterfaceIP `eth1` }}:53\"] "
       "addresses { http = \"{{ GetAllInterfaces | include `flags` `loopback` | join `address` ` ` }}\" }"});
  CHECK(config.bind_addr == "10.1.2.3");
  CHECK(config.advertise_addr == "10.1.2.3");
  CHECK(config.advertise_addr_wan == "2001:db9::1");
  CHECK(config.client_addr == Strings{"10.1.2.3", "192.168.7.8", "127.0.0.1"});
  CHECK(config.addresses.http == Strings{"127.0.0.1"});
  CHECK(config.recursors == Strings{"192.168.7.8:53"});
}

}  // namespace
}  // namespace discovery::config
