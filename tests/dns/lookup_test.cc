#include "lib/dns/lookup.h"

#include <catch2/catch.hpp>

#include "tests/dns/dns_test.h"

namespace discovery::dns {
namespace {

std::string role_text(model::ServiceRole role) {
  switch (role) {
    case model::ServiceRole::kPlain:
      return "service";
    case model::ServiceRole::kConnect:
      return "connect";
    case model::ServiceRole::kIngress:
      return "ingress";
  }
  return "?";
}

/// A lookup on one line.
struct Describe {
  std::string operator()(const ServiceLookup& lookup) const {
    std::string tags;
    for (const std::string& tag : lookup.tags) tags += (tags.empty() ? "" : "+") + tag;
    return role_text(lookup.role) + " " + lookup.service + " tag=" + tags + " dc=" + lookup.datacenter;
  }
  std::string operator()(const NodeLookup& lookup) const {
    return "node " + lookup.node + " dc=" + lookup.datacenter;
  }
  std::string operator()(const AddressLookup& lookup) const {
    return "addr " + (lookup.address ? lookup.address->to_text() : "-");
  }
  std::string operator()(const ReverseLookup& lookup) const {
    return "reverse " + (lookup.address ? lookup.address->to_text() : "-");
  }
  std::string operator()(NoSuchName) const { return "none"; }
  std::string operator()(ForeignName) const { return "foreign"; }
};

std::string meaning(std::string_view text, Type type = Type::kA, const std::string& alt_domain = {},
                    const std::string& domain = "consul") {
  Options options;
  options.domain = domain;
  options.alt_domain = alt_domain;
  return std::visit(Describe(), parse_lookup(name(text), type, *Zone::make(options)));
}

}  // namespace

TEST_CASE("names of services", "[dns][lookup]") {
  CHECK(meaning("web.service.consul") == "service web tag= dc=dc1");
  CHECK(meaning("WEB.Service.CONSUL") == "service web tag= dc=dc1");
  CHECK(meaning("web.service.dc2.consul") == "service web tag= dc=dc2");
  CHECK(meaning("v1.web.service.consul") == "service web tag=v1 dc=dc1");
  CHECK(meaning("prim.ary.web.service.dc2.consul") == "service web tag=prim.ary dc=dc2");
  CHECK(meaning("_web._tcp.service.consul") == "service web tag= dc=dc1");
  CHECK(meaning("_web._v1.service.dc2.consul") == "service web tag=v1 dc=dc2");
  CHECK(meaning("_web._udp.service.consul", Type::kSrv) == "service web tag=udp dc=dc1");
  CHECK(meaning("_web._v1.consul", Type::kSrv) == "service web tag=v1 dc=dc1");
  CHECK(meaning("_web._tcp.dc2.consul", Type::kSrv) == "service web tag= dc=dc2");
  CHECK(meaning("_web._v1.consul", Type::kA) == "none");
  CHECK(meaning("_web.consul", Type::kSrv) == "service _web tag= dc=dc1");
  CHECK(meaning("a._web._v1.service.consul") == "service _v1 tag=a._web dc=dc1");
  CHECK(meaning("db.connect.consul") == "connect db tag= dc=dc1");
  CHECK(meaning("x.db.connect.dc2.consul") == "connect db tag= dc=dc2");
  CHECK(meaning("_db._tcp.connect.consul") == "connect _tcp tag= dc=dc1");
  CHECK(meaning("db.ingress.consul") == "ingress db tag= dc=dc1");
  // The keyword furthest to the right decides.
  CHECK(meaning("web.node.service.consul") == "service node tag=web dc=dc1");
  CHECK(meaning("service.service.consul") == "service service tag= dc=dc1");
}

TEST_CASE("names of nodes and addresses", "[dns][lookup]") {
  CHECK(meaning("n1.node.consul") == "node n1 dc=dc1");
  CHECK(meaning("N1.b.node.dc2.consul") == "node n1.b dc=dc2");
  CHECK(meaning("c0000201.addr.consul") == "addr 192.0.2.1");
  CHECK(meaning("C0000201.addr.dc9.consul") == "addr 192.0.2.1");
  CHECK(meaning("20010db8000000000000000000000001.addr.consul", Type::kA) == "addr 2001:db8::1");
  CHECK(meaning("zz.addr.consul") == "addr -");
  CHECK(meaning("c00002.addr.consul") == "addr -");
  CHECK(meaning("zz000201.addr.consul") == "none");
  CHECK(meaning("c00002010.addr.consul") == "none");  // nine digits: as many bytes as eight
  CHECK(meaning("a.b.addr.consul") == "none");
}

TEST_CASE("names without a meaning", "[dns][lookup]") {
  for (const char* text : {"consul", "service.consul", "node.consul", "addr.consul", "connect.consul",
                           "web.consul", "dc1.consul", "a.b.c.d.consul", "web.service.a.b.consul",
                           "n1.node.a.b.consul", "pq.query.consul", "a.pq.query.dc1.consul"}) {
    CHECK(meaning(text) == "none");
  }
  for (const char* text : {".", "example.com", "web.service", "xconsul", "web.service.consul.org"}) {
    CHECK(meaning(text) == "foreign");
  }
}

TEST_CASE("a second domain", "[dns][lookup]") {
  CHECK(meaning("web.service.alt.test", Type::kA, "alt.test") == "service web tag= dc=dc1");
  CHECK(meaning("web.service.consul", Type::kA, "Alt.Test.") == "service web tag= dc=dc1");
  CHECK(meaning("web.service.alt.test") == "foreign");
  // One inside the other: the longer one is taken off.
  CHECK(meaning("web.service.sub.consul", Type::kA, "sub.consul") == "service web tag= dc=dc1");
  CHECK(meaning("web.service.sub.consul", Type::kA, "consul", "sub.consul") == "service web tag= dc=dc1");
  CHECK(meaning("web.service.sub.consul") == "service web tag= dc=sub");
  CHECK(meaning("web.service.my.zone", Type::kA, {}, "my.zone") == "service web tag= dc=dc1");
}

TEST_CASE("names below arpa", "[dns][lookup]") {
  CHECK(meaning("1.2.0.192.in-addr.arpa") == "reverse 192.0.2.1");
  CHECK(meaning("1.2.0.192.IN-ADDR.ARPA") == "reverse 192.0.2.1");
  CHECK(meaning("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa") ==
        "reverse 2001:db8::1");
  for (const char* text :
       {"arpa", "in-addr.arpa", "bad.in-addr.arpa", "2.0.192.in-addr.arpa", "1.2.0.256.in-addr.arpa",
        "01.2.0.192.in-addr.arpa", "x.1.2.0.192.in-addr.arpa", "-1.2.0.192.in-addr.arpa", "1.0.ip6.arpa"}) {
    CHECK(meaning(text) == "reverse -");
  }
}

TEST_CASE("domains that are none are refused", "[dns][lookup]") {
  for (const char* domain : {"", ".", "a..b"}) {
    Options options;
    options.domain = domain;
    CHECK_FALSE(Zone::make(options).ok());
  }
  Options options;
  options.alt_domain = "a..b";
  CHECK_FALSE(Zone::make(options).ok());
}

TEST_CASE("TTLs of services", "[dns][lookup]") {
  Options options;
  options.service_ttl = {{"web", std::chrono::seconds(30)},
                         {"we*", std::chrono::seconds(7)},
                         {"web-*", std::chrono::milliseconds(2500)},
                         {"*", std::chrono::seconds(5)}};
  const Zone zone = *Zone::make(options);
  CHECK(zone.service_ttl("web") == 30);
  CHECK(zone.service_ttl("webs") == 7);
  CHECK(zone.service_ttl("web-1") == 2);
  CHECK(zone.service_ttl("x") == 5);
  CHECK(zone.service_ttl("we*") == 7);
  CHECK(Zone::make({})->service_ttl("web") == 0);
}

}  // namespace discovery::dns
