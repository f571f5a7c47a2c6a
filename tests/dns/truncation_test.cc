// How much of an answer fits: the figures recorded from Consul, and what must hold for all answers.
#include <algorithm>
#include <random>
#include <set>

#include <catch2/catch.hpp>

#include "tests/dns/dns_test.h"

namespace discovery::dns {
namespace {

std::string two_digits(int number) { return (number < 10 ? "0" : "") + std::to_string(number); }

/// `count` instances of "web"; with `addresses` of their own, which makes names of 26 bytes of them.
void add_instances(Service& dns, int count, bool addresses = false) {
  for (int i = 0; i < count; ++i) {
    const std::string number = two_digits(i + 1);
    dns.backend.add("web", "node-" + number, "10.4.0." + std::to_string(i + 1), 8000,
                    addresses ? "10.5.0." + std::to_string(i + 1) : "");
  }
}

struct Figures {
  std::size_t answers;
  std::size_t additional;
  std::size_t bytes;
  bool operator==(const Figures&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Figures& figures) {
  return out << figures.answers << "+" << figures.additional << ", " << figures.bytes << " bytes";
}

Figures figures(Service& dns, Type type, const Asking& how = {}, const char* qname = "web.service.consul") {
  const Message message = dns.ask(qname, type, how);
  return {message.answers.size(), message.additional.size(), dns.last.size()};
}

bool is_truncated(Service& dns, Type type, const Asking& how = {}) {
  return (dns.ask("web.service.consul", type, how).flags & kTruncatedFlag) != 0;
}

}  // namespace

TEST_CASE("thirty addresses", "[dns][truncation]") {
  Service dns;
  add_instances(dns, 30);
  CHECK(figures(dns, Type::kA) == Figures{3, 0, 84});
  CHECK(figures(dns, Type::kA, {.edns = 100}) == Figures{3, 0, 84});
  CHECK(figures(dns, Type::kA, {.edns = 512}) == Figures{3, 0, 84});
  CHECK(figures(dns, Type::kA, {.edns = 513}) == Figures{29, 0, 500});
  CHECK(figures(dns, Type::kA, {.edns = 600}) == Figures{30, 1, 527});
  CHECK(figures(dns, Type::kA, {.edns = 534}) == Figures{30, 1, 527});
  CHECK(figures(dns, Type::kA, {.edns = 533}) == Figures{29, 0, 500});
  CHECK(figures(dns, Type::kA, {.transport = Transport::kTcp}) == Figures{30, 0, 516});
}

TEST_CASE("thirty locations", "[dns][truncation]") {
  Service dns;
  add_instances(dns, 30, true);
  // The recorded name was three bytes longer.
  const char* qname = "web.service.dc1.consul";
  const std::size_t longer = name(qname).wire().size() - 23;
  CHECK(figures(dns, Type::kSrv, {}, qname).answers == 3);
  CHECK(figures(dns, Type::kSrv, {}, qname).additional == 3);
  CHECK(figures(dns, Type::kSrv, {.edns = 1232}, qname) == Figures{19, 19, 1179 + longer});
  CHECK(figures(dns, Type::kSrv, {.edns = 1400}, qname) == Figures{22, 22, 1359 + longer});
  CHECK(figures(dns, Type::kSrv, {.edns = 4096}, qname) == Figures{30, 31, 1850 + longer});
  CHECK(figures(dns, Type::kSrv, {.transport = Transport::kTcp}, qname).answers == 30);
}

TEST_CASE("udp_answer_limit", "[dns][truncation]") {
  for (const auto& [limit, expected] :
       {std::pair{0U, 0U}, {1U, 1U}, {5U, 5U}, {8U, 8U}, {9U, 8U}, {100U, 8U}}) {
    Options options;
    options.udp_answer_limit = limit;
    Service dns(options);
    for (int i = 10; i < 40; ++i) {
      dns.backend.add("web", "n" + std::to_string(i), "10.4.0." + std::to_string(i), 8000);
    }
    CHECK(figures(dns, Type::kA).answers == expected);
    // Five locations take 496 bytes when nothing is compressed; six would be over 512.
    CHECK(figures(dns, Type::kSrv).answers == std::min<std::size_t>(expected, 5));
  }
}

TEST_CASE("TC only where it is wanted and something is missing", "[dns][truncation]") {
  Options options;
  options.enable_truncate = true;
  Service dns(options);
  add_instances(dns, 30);
  CHECK(is_truncated(dns, Type::kA));
  CHECK(is_truncated(dns, Type::kA, {.edns = 513}));
  CHECK_FALSE(is_truncated(dns, Type::kA, {.edns = 600}));
  CHECK(is_truncated(dns, Type::kSrv, {.edns = 1232}));
  CHECK_FALSE(is_truncated(dns, Type::kSrv, {.edns = 4096}));
  CHECK_FALSE(is_truncated(dns, Type::kSrv, {.transport = Transport::kTcp}));
  Service silent;
  add_instances(silent, 30);
  CHECK_FALSE(is_truncated(silent, Type::kA));
}

TEST_CASE("as much as a stream carries", "[dns][truncation]") {
  Options options;
  options.enable_truncate = true;
  Service dns(options);
  for (int i = 0; i < 5000; ++i) {
    dns.backend.add("web", "n" + std::to_string(i),
                    "10." + std::to_string(i / 250) + ".0." + std::to_string(i % 250));
  }
  const Asking tcp{.transport = Transport::kTcp};
  // 4096 would be over 65523 bytes.
  CHECK(figures(dns, Type::kA, tcp).answers == (65523 - 36) / 16);
  CHECK(is_truncated(dns, Type::kA, tcp));
  const Message srv = dns.ask("web.service.consul", Type::kSrv, tcp);
  CHECK(dns.last.size() <= 65523);
  CHECK(srv.answers.size() == srv.additional.size());
  CHECK(srv.answers.size() > 700);  // beyond what pointers reach, names are written out
  CHECK(figures(dns, Type::kA, {.edns = 65535}).answers == (kMaxUdpBytes - 7 - 36) / 16);
}

TEST_CASE("random answers keep their promises", "[dns][truncation]") {
  std::mt19937 random(7);
  for (int round = 0; round < 40; ++round) {
    Options options;
    options.disable_compression = round % 5 == 4;
    options.enable_truncate = true;
    Service dns(options);
    const int count = 1 + static_cast<int>(random() % 60);
    for (int i = 0; i < count; ++i) {
      model::Node node;
      node.name = "n" + std::string(random() % 40, 'x') + std::to_string(i);
      node.address = "10.4.0." + std::to_string(i + 1);
      for (auto k = random() % 3; k > 0; --k)
        node.meta.set("k" + std::to_string(k), std::string(random() % 90, 'v'));
      dns.backend.put_node(node);
      model::ServiceInstance service;
      service.name = "web";
      service.port = i;
      if (random() % 3 == 0) service.address = "10.5.0." + std::to_string(i + 1);
      if (random() % 7 == 0) service.address = "2001:db8::" + std::to_string(i + 1);
      dns.backend.put_service(node.name.str(), service);
    }
    std::set<std::string> all;
    const auto whole = dns.ask("web.service.consul", Type::kSrv, {.transport = Transport::kTcp});
    REQUIRE(whole.answers.size() == static_cast<std::size_t>(count));
    for (const auto* section : {&whole.answers, &whole.additional}) {
      for (const Record& record : *section) all.insert(to_text(record));
    }
    for (int size = 512; size < 4500; size += 1 + static_cast<int>(random() % 400)) {
      const Asking how{.edns = static_cast<std::uint16_t>(size)};
      const Message message = dns.ask("web.service.consul", Type::kSrv, how);
      REQUIRE(!message.answers.empty());
      REQUIRE(dns.last.size() <= static_cast<std::size_t>(std::max(size, 512)));
      const bool less = message.answers.size() < whole.answers.size();
      REQUIRE(((message.flags & kTruncatedFlag) != 0) == less);
      std::set<std::string> owners;
      for (const Record& record : message.additional) {
        if (record.type == Type::kOpt) {
          REQUIRE_FALSE(less);
          continue;
        }
        REQUIRE(all.count(to_text(record)) == 1);
        owners.insert(record.owner.to_text());
      }
      for (const Record& record : message.answers) {
        REQUIRE(all.count(to_text(record)) == 1);
        REQUIRE(owners.count(std::get<Srv>(record.data).target.to_text()) == 1);
      }
    }
  }
}

TEST_CASE("an additional section that is too large alone is left out", "[dns][truncation]") {
  Service dns;
  model::Node node;
  node.name = "n";
  node.address = "192.0.2.1";
  for (int i = 0; i < 20; ++i) node.meta.set("key" + std::to_string(i), std::string(100, 'v'));
  dns.backend.put_node(node);
  CHECK(figures(dns, Type::kA, {}, "n.node.consul") == Figures{1, 0, 47});
  CHECK(figures(dns, Type::kA, {.edns = 4096}, "n.node.consul").additional == 21);
  CHECK(figures(dns, Type::kA, {.transport = Transport::kTcp}, "n.node.consul").additional == 20);
}

TEST_CASE("without compression names are written out", "[dns][truncation]") {
  Options options;
  options.disable_compression = true;
  Service dns(options);
  add_instances(dns, 3);
  const std::size_t owner = name("web.service.consul").wire().size();
  CHECK(figures(dns, Type::kA) == Figures{3, 0, 12 + owner + 4 + 3 * (owner + 14)});
  const Message message = dns.ask("WEB.service.CONSUL", Type::kA);
  for (const Record& record : message.answers) CHECK(record.owner == name("WEB.service.CONSUL"));
}

}  // namespace discovery::dns
