// The examples recorded from a Consul with richer settings, and the rules around them.
#include <algorithm>

#include <catch2/catch.hpp>

#include "lib/dns/instance.h"
#include "tests/dns/dns_test.h"

namespace discovery::dns {
namespace {

using Texts = std::vector<std::string>;

const std::string kSoa = "consul. 60 SOA ns.consul. hostmaster.consul. 1700000000 1800 600 86400 60";

/// Nodes n1 to n7 with a service each.
class Example : public Service {
 public:
  explicit Example(Options options = example_options()) : Service(std::move(options)) {
    model::Node n1;
    n1.name = "n1";
    n1.address = "192.0.2.1";
    n1.tagged_addresses.set("lan_ipv6", "2001:db8::1");
    n1.meta = {{"k", "v"}, {"a=b`c", "d`=e"}, {" sp ", "=x"}};
    backend.put_node(n1);
    model::ServiceInstance web;
    web.name = "web";
    web.port = 80;
    web.tags = {"v1", "prim.ary"};
    web.weights = {5, 2};
    backend.put_service("n1", web);
    backend.set_status("n1", "web", "passing");

    backend.add("web", "n2", "192.0.2.2", 81, "198.51.100.2");
    web.tags = {};
    web.port = 81;
    web.address = "198.51.100.2";
    backend.put_service("n2", web);
    backend.set_status("n2", "web", "warning");
    backend.add("web", "n3", "192.0.2.3");
    backend.set_status("n3", "web", "critical");
    backend.add("six", "n4", "2001:db8::4", 6);
    backend.add("ext", "n5", "foo.example.com", 443);
    backend.add("cn", "n6", "192.0.2.6", 80, "web.service.consul");
    backend.add("loop", "n7", "192.0.2.7", 80, "loop.service.consul");
    backend.add("consul", "ns1", "192.0.2.53", 8300);
  }

  static Options example_options() {
    Options options;
    options.node_ttl = std::chrono::seconds(10);
    options.service_ttl = {
        {"web", std::chrono::seconds(30)}, {"we*", std::chrono::seconds(7)}, {"*", std::chrono::seconds(5)}};
    options.soa = {1800, 600, 86400, 60};
    options.alt_domain = "alt.test";
    return options;
  }

  Texts answers(std::string_view qname, Type type) {
    return to_texts(ask(qname, type, {.edns = 4096}).answers);
  }
  /// Without the OPT record.
  Texts additional(std::string_view qname, Type type) {
    return to_texts(ask(qname, type, {.transport = Transport::kTcp}).additional);
  }
};

bool is_nxdomain(const Message& message) {
  return message.rcode() == Rcode::kNameError && message.answers.empty() &&
         to_texts(message.authority) == Texts{kSoa};
}

/// No error, nothing in the answer, and the SOA record.
bool is_nodata(const Message& message) {
  return message.rcode() == Rcode::kNoError && message.answers.empty() &&
         to_texts(message.authority) == Texts{kSoa};
}

/// No error and nothing at all but perhaps additional records.
bool is_empty(const Message& message) {
  return message.rcode() == Rcode::kNoError && message.answers.empty() && message.authority.empty();
}

}  // namespace

TEST_CASE("services by type", "[dns][answers]") {
  Example dns;
  const Texts both{"web.service.consul. 30 A 192.0.2.1", "web.service.consul. 30 A 198.51.100.2"};
  CHECK(dns.answers("web.service.consul", Type::kA) == both);
  CHECK(dns.answers("web.service.consul", Type::kAaaa) == Texts{"web.service.consul. 30 AAAA 2001:db8::1"});
  const Texts any{"web.service.consul. 30 A 198.51.100.2", "web.service.consul. 30 AAAA 2001:db8::1"};
  CHECK(dns.answers("web.service.consul", Type::kAny) == any);
  CHECK(dns.answers("web.service.consul", Type::kTxt) == any);
  CHECK(is_nodata(dns.ask("web.service.consul", Type::kMx)));
  CHECK(dns.answers("web.service.consul", Type::kSrv) ==
        Texts{"web.service.consul. 30 SRV 1 2 81 c6336402.addr.dc1.consul.",
              "web.service.consul. 30 SRV 1 5 80 20010db8000000000000000000000001.addr.dc1.consul."});
  CHECK(dns.additional("web.service.consul", Type::kSrv) ==
        Texts{"20010db8000000000000000000000001.addr.dc1.consul. 30 AAAA 2001:db8::1",
              "c6336402.addr.dc1.consul. 30 A 198.51.100.2", "n1.node.dc1.consul. 30 TXT \"` sp` ==x\"",
              "n1.node.dc1.consul. 30 TXT \"a`=b``c=d``=e\"", "n1.node.dc1.consul. 30 TXT \"k=v\""});
  CHECK(is_nodata(dns.ask("six.service.consul", Type::kA)));
  CHECK(dns.answers("six.service.consul", Type::kAaaa) == Texts{"six.service.consul. 5 AAAA 2001:db8::4"});
  CHECK(dns.answers("six.service.consul", Type::kSrv) ==
        Texts{"six.service.consul. 5 SRV 1 1 6 n4.node.dc1.consul."});
}

TEST_CASE("services by tag", "[dns][answers]") {
  Example dns;
  CHECK(dns.answers("prim.ary.web.service.consul", Type::kA) ==
        Texts{"prim.ary.web.service.consul. 30 A 192.0.2.1"});
  CHECK(dns.answers("V1.web.service.consul", Type::kA).size() == 1);
  CHECK(dns.answers("_web._tcp.service.consul", Type::kSrv).size() == 2);
  CHECK(dns.answers("_web._v1.service.consul", Type::kSrv).size() == 1);
  CHECK(dns.answers("_web._v1.consul", Type::kSrv).size() == 1);
  CHECK(is_nxdomain(dns.ask("v2.web.service.consul", Type::kA)));
}

TEST_CASE("names that are not there", "[dns][answers]") {
  Example dns;
  for (const char* text : {"none.service.consul", "web.service.dc9.consul", "n1.node.dc9.consul",
                           "n9.node.consul", "a.b.c.d.consul", "consul", "pq.query.consul"}) {
    CHECK(is_nxdomain(dns.ask(text, Type::kA)));
  }
}

TEST_CASE("nodes", "[dns][answers]") {
  Example dns;
  const Texts texts{"n1.node.consul. 10 TXT \"` sp` ==x\"", "n1.node.consul. 10 TXT \"a`=b``c=d``=e\"",
                    "n1.node.consul. 10 TXT \"k=v\""};
  CHECK(dns.answers("n1.node.consul", Type::kA) == Texts{"n1.node.consul. 10 A 192.0.2.1"});
  CHECK(dns.additional("n1.node.consul", Type::kA) == texts);
  CHECK(dns.answers("n1.node.consul", Type::kAaaa) == Texts{"n1.node.consul. 10 AAAA 2001:db8::1"});
  CHECK(dns.answers("n1.node.consul", Type::kTxt) == texts);
  CHECK(dns.answers("n1.node.consul", Type::kAny).size() == 4);
  CHECK(dns.answers("n1.node.consul", Type::kAny)[0] == "n1.node.consul. 10 AAAA 2001:db8::1");
  CHECK(is_empty(dns.ask("n1.node.consul", Type::kSrv)));
  CHECK(is_empty(dns.ask("n1.node.consul", Type::kMx)));
  CHECK(is_empty(dns.ask("n4.node.consul", Type::kA)));
  CHECK(dns.answers("n5.node.consul", Type::kA) == Texts{"n5.node.consul. 10 CNAME foo.example.com."});

  Options quiet = Example::example_options();
  quiet.node_meta_txt = false;
  dns.start(quiet);
  CHECK(dns.additional("n1.node.consul", Type::kA).empty());
  CHECK(dns.answers("n1.node.consul", Type::kTxt) == texts);
  CHECK(dns.additional("web.service.consul", Type::kSrv).size() == 2);
}

TEST_CASE("metadata as text", "[dns][answers]") {
  Service dns;
  model::Node node;
  node.name = "m";
  node.address = "192.0.2.1";
  node.meta = {{"RFC1035-x", "as it is = `"}, {"long", std::string(300, 'l')}, {"empty", ""}, {"  ", "v"}};
  dns.backend.put_node(node);
  const Message message = dns.ask("m.node.consul", Type::kTxt, {.transport = Transport::kTcp});
  CHECK(
      to_texts(message.answers) ==
      Texts{"m.node.consul. 0 TXT \"` ` =v\"", "m.node.consul. 0 TXT \"as it is = `\"",
            "m.node.consul. 0 TXT \"empty=\"",
            "m.node.consul. 0 TXT \"long=" + std::string(250, 'l') + "\" \"" + std::string(50, 'l') + "\""});
}

TEST_CASE("names that lead to other names", "[dns][answers]") {
  Example dns;
  CHECK(dns.answers("ext.service.consul", Type::kA) == Texts{"ext.service.consul. 5 CNAME foo.example.com."});
  CHECK(dns.answers("ext.service.consul", Type::kSrv) ==
        Texts{"ext.service.consul. 5 SRV 1 1 443 foo.example.com."});
  // The own zone's are looked up, for all types.
  CHECK(dns.answers("cn.service.consul", Type::kA) == Texts{"cn.service.consul. 5 CNAME web.service.consul.",
                                                            "web.service.consul. 5 A 198.51.100.2",
                                                            "web.service.consul. 5 AAAA 2001:db8::1"});
  CHECK(dns.answers("cn.service.consul", Type::kSrv) ==
        Texts{"cn.service.consul. 5 SRV 1 1 80 web.service.consul."});
  CHECK(dns.additional("cn.service.consul", Type::kSrv) ==
        Texts{"web.service.consul. 5 A 198.51.100.2", "web.service.consul. 5 AAAA 2001:db8::1"});
  CHECK(dns.answers("loop.service.consul", Type::kA) == Texts{"loop.service.consul. 5 A 192.0.2.7"});

  SECTION("a node's canonical name keeps the TTLs") {
    dns.backend.add("x", "n8", "web.service.consul");
    CHECK(dns.answers("n8.node.consul", Type::kA) == Texts{"n8.node.consul. 10 CNAME web.service.consul.",
                                                           "web.service.consul. 30 A 198.51.100.2",
                                                           "web.service.consul. 30 AAAA 2001:db8::1"});
  }
  SECTION("circles end") {
    dns.backend.add("c1", "a", "192.0.2.9", 1, "c2.service.consul");
    dns.backend.add("c2", "a", "192.0.2.9", 1, "c1.service.consul");
    CHECK(dns.answers("c1.service.consul", Type::kA).size() == 4);
    CHECK(dns.answers("c1.service.consul", Type::kSrv).size() == 1);
  }
  SECTION("five records of another name without EDNS") {
    for (int i = 0; i < 9; ++i)
      dns.backend.add("big", "b" + std::to_string(i), "192.0.2.1" + std::to_string(i));
    dns.backend.add("alias", "a", "192.0.2.9", 1, "big.service.consul");
    CHECK(dns.ask("alias.service.consul", Type::kA, {.transport = Transport::kTcp}).answers.size() == 6);
    CHECK(dns.ask("alias.service.consul", Type::kA, {.transport = Transport::kTcp, .edns = 512})
              .answers.size() == 10);
    CHECK(dns.ask("alias.service.consul", Type::kSrv, {.transport = Transport::kTcp}).additional.size() == 5);
  }
  SECTION("a name of several hosts points to any of them, one at a time") {
    dns.backend.add("multi", "a", "192.0.2.9", 1, "one.example.com");
    dns.backend.add("multi", "b", "192.0.2.9", 1, "two.example.com");
    std::vector<std::string> seen;
    for (int i = 0; i < 64; ++i) {
      const Texts answers = dns.answers("multi.service.consul", Type::kA);
      REQUIRE(answers.size() == 1);
      seen.push_back(answers[0]);
    }
    std::sort(seen.begin(), seen.end());
    seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
    CHECK(seen.size() == 2);
  }
  SECTION("an address outweighs host names") {
    dns.backend.add("mix", "a", "192.0.2.9", 1, "one.example.com");
    dns.backend.add("mix", "b", "192.0.2.8", 1);
    CHECK(dns.answers("mix.service.consul", Type::kA) == Texts{"mix.service.consul. 5 A 192.0.2.8"});
    CHECK(dns.answers("mix.service.consul", Type::kSrv).size() == 2);
  }
}

TEST_CASE("the zone itself", "[dns][answers]") {
  Example dns;
  for (const char* text : {"consul", "web.service.consul", "alt.test", "no.such.name.consul"}) {
    const Message soa = dns.ask(text, Type::kSoa);
    CHECK(to_texts(soa.answers) == Texts{kSoa});
    CHECK(to_texts(soa.authority) == Texts{"consul. 10 NS ns1.node.dc1.consul."});
    CHECK(to_texts(soa.additional) == Texts{"ns1.node.dc1.consul. 10 A 192.0.2.53"});
    const Message ns = dns.ask(text, Type::kNs);
    CHECK(to_texts(ns.answers) == Texts{"consul. 10 NS ns1.node.dc1.consul."});
    CHECK(to_texts(ns.additional) == Texts{"ns1.node.dc1.consul. 10 A 192.0.2.53"});
    CHECK(ns.rcode() == Rcode::kNoError);
  }
  CHECK(dns.ask("consul", Type::kAxfr).rcode() == Rcode::kNotImplemented);
  CHECK((dns.ask("consul", Type::kAxfr).flags & kAuthoritativeFlag) != 0);
  // Answers are in the primary domain.
  CHECK(dns.answers("web.service.alt.test", Type::kSrv)[0] ==
        "web.service.alt.test. 30 SRV 1 2 81 c6336402.addr.dc1.consul.");
}

TEST_CASE("three of the servers, in turn, and none with an odd name", "[dns][answers]") {
  Example dns;
  for (int i = 2; i < 6; ++i)
    dns.backend.add("consul", "NS" + std::to_string(i), "192.0.2.5" + std::to_string(i), 8300);
  dns.backend.add("consul", "odd_name", "192.0.2.99", 8300);
  dns.backend.add("consul", "down", "192.0.2.98", 8300);
  dns.backend.set_status("down", "", "critical");
  std::vector<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const Message message = dns.ask("consul", Type::kNs);
    REQUIRE(message.answers.size() == 3);
    REQUIRE(message.additional.size() == 3);
    for (const std::string& text : to_texts(message.answers)) seen.push_back(text);
  }
  std::sort(seen.begin(), seen.end());
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  CHECK(seen == Texts{"consul. 10 NS ns1.node.dc1.consul.", "consul. 10 NS ns2.node.dc1.consul.",
                      "consul. 10 NS ns3.node.dc1.consul.", "consul. 10 NS ns4.node.dc1.consul.",
                      "consul. 10 NS ns5.node.dc1.consul."});
}

TEST_CASE("addresses in names", "[dns][answers]") {
  Example dns;
  CHECK(dns.answers("c0000201.addr.consul", Type::kA) == Texts{"c0000201.addr.consul. 10 A 192.0.2.1"});
  CHECK(dns.answers("c0000201.addr.consul", Type::kAaaa) == Texts{"c0000201.addr.consul. 10 A 192.0.2.1"});
  CHECK(is_empty(dns.ask("zz.addr.consul", Type::kA)));
  CHECK(is_empty(dns.ask("c00002.addr.consul", Type::kA)));
  CHECK(is_nxdomain(dns.ask("zz000201.addr.consul", Type::kA)));
}

TEST_CASE("names of addresses", "[dns][answers]") {
  Example dns;
  const Message node = dns.ask("1.2.0.192.in-addr.arpa", Type::kPtr);
  CHECK(to_texts(node.answers) == Texts{"1.2.0.192.in-addr.arpa. 0 PTR n1.node.dc1.consul."});
  CHECK((node.flags & kAuthoritativeFlag) != 0);
  CHECK(dns.answers("2.100.51.198.in-addr.arpa", Type::kPtr) ==
        Texts{"2.100.51.198.in-addr.arpa. 0 PTR web.service.dc1.consul."});
  CHECK(to_texts(dns.ask("1.2.0.192.in-addr.arpa", Type::kSoa).authority) == Texts{kSoa});
  for (const char* text : {"9.9.9.9.in-addr.arpa", "bad.in-addr.arpa", "arpa"}) {
    const Message none = dns.ask(text, Type::kPtr, {.edns = 1232});
    CHECK(none.rcode() == Rcode::kServerFailure);
    CHECK((none.flags & kAuthoritativeFlag) == 0);
    CHECK((none.flags & kRecursionAvailableFlag) != 0);
    CHECK(none.additional.size() == 1);
  }
}

TEST_CASE("foreign names are refused", "[dns][answers]") {
  Example dns;
  const Message message = dns.ask("www.example.org", Type::kA, {.edns = 1232});
  CHECK(message.rcode() == Rcode::kRefused);
  CHECK(message.flags == (kResponseFlag | kRecursionDesiredFlag | 5));
  CHECK(message.additional.empty());
  CHECK(message.questions.size() == 1);
}

TEST_CASE("health decides who is in", "[dns][answers]") {
  Example dns;
  dns.backend.set_status("n1", "", "critical");
  CHECK(dns.answers("web.service.consul", Type::kA).size() == 1);
  dns.backend.set_status("n1", "", "passing");
  CHECK(dns.answers("web.service.consul", Type::kA).size() == 2);
  dns.backend.set_status("n2", "", "critical");
  dns.backend.set_status("n1", "web", "critical");
  CHECK(is_nxdomain(dns.ask("web.service.consul", Type::kA)));
  CHECK(is_nxdomain(dns.ask("web.service.consul", Type::kMx)));

  Options strict = Example::example_options();
  strict.only_passing = true;
  dns.start(strict);
  dns.backend.set_status("n2", "", "passing");
  CHECK(is_nxdomain(dns.ask("web.service.consul", Type::kA)));
  dns.backend.set_status("n2", "web", "passing");
  CHECK(dns.answers("web.service.consul", Type::kA).size() == 1);
}

TEST_CASE("weights follow health", "[dns][answers]") {
  model::ServiceInstance service;
  service.weights = {5, 2};
  model::CheckServiceNode instance;
  instance.service = std::make_shared<const model::ServiceInstance>(service);
  const auto weight = [&instance](const std::vector<std::pair<std::string, std::string>>& checks) {
    instance.checks.clear();
    for (const auto& [id, status] : checks) {
      model::HealthCheck check;
      check.check_id = id;
      check.status = status;
      instance.checks.push_back(std::make_shared<const model::HealthCheck>(check));
    }
    return srv_weight(instance);
  };
  CHECK(weight({}) == 5);
  CHECK(weight({{"a", "passing"}}) == 5);
  CHECK(weight({{"a", "passing"}, {"b", "warning"}}) == 2);
  CHECK(weight({{"a", "passing"}, {"b", "critical"}}) == 0);
  CHECK(weight({{"_node_maintenance", "passing"}}) == 0);
  CHECK(weight({{"_service_maintenance:web", "passing"}}) == 0);
  CHECK(weight({{"a", "odd"}, {"b", "critical"}}) == 1);
  service.weights = {100000, -1};
  instance.service = std::make_shared<const model::ServiceInstance>(service);
  CHECK(weight({}) == 65535);
  CHECK(weight({{"a", "warning"}}) == 0);
}

TEST_CASE("which of an instance's addresses counts", "[dns][answers]") {
  Options options;
  options.translate_wan_addrs = true;
  model::Node node;
  node.name = "n";
  node.address = "192.0.2.1";
  node.datacenter = "dc1";
  model::ServiceInstance service;
  const auto address = [&](Type type, const std::string& datacenter = "dc1") {
    node.datacenter = datacenter;
    model::CheckServiceNode instance{std::make_shared<const model::Node>(node),
                                     std::make_shared<const model::ServiceInstance>(service),
                                     {}};
    const InstanceAddress at =
        instance_address(instance, type, name("web.service.consul"), datacenter, options);
    if (at.kind == InstanceAddress::Kind::kNone) return std::string("none");
    const std::string kind = at.kind == InstanceAddress::Kind::kNode ? "node " : "other ";
    const auto* ip = std::get_if<IpAddress>(&at.address);
    return kind + (ip != nullptr ? ip->to_text() : std::get_if<DomainName>(&at.address)->to_text());
  };
  CHECK(address(Type::kA) == "node 192.0.2.1");
  CHECK(address(Type::kA, "dc2") == "node 192.0.2.1");
  node.tagged_addresses = {{"lan_ipv6", "2001:db8::1"}, {"wan", "198.51.100.1"}, {"lan", "10.0.0.1"}};
  CHECK(address(Type::kA) == "node 192.0.2.1");
  CHECK(address(Type::kAaaa) == "other 2001:db8::1");
  CHECK(address(Type::kSrv) == "other 2001:db8::1");
  CHECK(address(Type::kA, "dc2") == "other 198.51.100.1");
  node.tagged_addresses.set("wan_ipv4", "198.51.100.4");
  CHECK(address(Type::kA, "dc2") == "other 198.51.100.4");

  service.address = "203.0.113.1";
  CHECK(address(Type::kA) == "other 203.0.113.1");
  CHECK(address(Type::kAaaa) == "other 203.0.113.1");
  service.tagged_addresses["lan_ipv4"] = {"203.0.113.4", 1};
  CHECK(address(Type::kA) == "other 203.0.113.4");
  service.tagged_addresses["wan"] = {"203.0.113.9", 8080};
  CHECK(address(Type::kAaaa, "dc2") == "other 203.0.113.9");
  service.port = 80;
  CHECK(service_port(service, "dc1", options) == 80);
  CHECK(service_port(service, "dc2", options) == 8080);

  service.tagged_addresses.clear();
  service.address = "Web.Service.consul.";
  CHECK(address(Type::kA) == "node 192.0.2.1");
  service.address = "host.example.com";
  CHECK(address(Type::kA) == "other host.example.com.");
  for (const char* bad : {"a..b", ".", "x y..z"}) {
    service.address = bad;
    CHECK(address(Type::kA) == "none");
  }
  service.address = "";
  node.address = "";
  node.tagged_addresses = {};
  CHECK(address(Type::kA) == "none");
}

TEST_CASE("instances that are alike appear once", "[dns][answers]") {
  Service dns;
  dns.backend.add("web", "n1", "192.0.2.1", 80);
  model::ServiceInstance second;
  second.name = "web";
  second.id = "web-2";
  second.port = 80;
  dns.backend.put_service("n1", second);
  CHECK(dns.ask("web.service.consul", Type::kA).answers.size() == 1);
  CHECK(dns.ask("web.service.consul", Type::kSrv).answers.size() == 1);
  second.port = 81;
  dns.backend.put_service("n1", second);
  CHECK(dns.ask("web.service.consul", Type::kA).answers.size() == 1);
  const Message srv = dns.ask("web.service.consul", Type::kSrv);
  CHECK(srv.answers.size() == 2);
  CHECK(srv.additional.size() == 2);  // each brings its own
}

TEST_CASE("a_record_limit counts instances, of all of them in turn", "[dns][answers]") {
  Options options;
  options.a_record_limit = 2;
  Service dns(options);
  for (int i = 0; i < 6; ++i) dns.backend.add("web", "n" + std::to_string(i), "192.0.2." + std::to_string(i));
  std::vector<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const Message message = dns.ask("web.service.consul", Type::kA, {.edns = 4096});
    REQUIRE(message.answers.size() == 2);
    for (const std::string& text : to_texts(message.answers)) seen.push_back(text);
  }
  std::sort(seen.begin(), seen.end());
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  CHECK(seen.size() == 6);
  CHECK(dns.ask("web.service.consul", Type::kSrv, {.edns = 4096}).answers.size() == 6);
}

TEST_CASE("mesh proxies answer for what they stand for", "[dns][answers]") {
  Service dns;
  dns.backend.add("x", "j1", "192.0.2.1");
  model::ServiceInstance sidecar;
  sidecar.kind = "connect-proxy";
  sidecar.name = "db-sidecar-proxy";
  sidecar.port = 21000;
  model::ConnectProxy proxy;
  proxy.destination_service_name = "db";
  sidecar.proxy = std::make_shared<const model::ConnectProxy>(proxy);
  dns.backend.put_service("j1", sidecar);
  CHECK(to_texts(dns.ask("db.connect.consul", Type::kSrv).answers) ==
        Texts{"db.connect.consul. 0 SRV 1 1 21000 j1.node.dc1.consul."});
  CHECK(to_texts(dns.ask("x.db.connect.consul", Type::kA).answers) ==
        Texts{"x.db.connect.consul. 0 A 192.0.2.1"});
  CHECK(dns.ask("_db._tcp.connect.consul", Type::kSrv).rcode() == Rcode::kNameError);
}

}  // namespace discovery::dns
