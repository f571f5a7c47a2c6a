// What stricter clients than Consul's may ask for, and the order of records.
#include <array>
#include <cmath>
#include <map>

#include <catch2/catch.hpp>

#include "lib/dns/lookup.h"
#include "tests/dns/dns_test.h"

namespace discovery::dns {
namespace {

bool is_cut(const Message& message) { return (message.flags & kTruncatedFlag) != 0; }

void add_instances(FakeBackend& backend, int count) {
  for (int i = 1; i <= count; ++i) {
    backend.add("web", "n" + std::to_string(i), "192.0.2." + std::to_string(i));
  }
}

Options strict() {
  Options options;
  options.strict_truncate = true;
  return options;
}

std::vector<int> last_bytes(const Message& message) {
  std::vector<int> bytes;
  for (const Record& record : message.answers) bytes.push_back(std::get<IpAddress>(record.data).bytes()[3]);
  return bytes;
}

}  // namespace

TEST_CASE("a strict answer says when the limit on addresses has cut it, and has all by TCP",
          "[dns][strict]") {
  Options options = strict();
  options.a_record_limit = 2;
  Service dns(options);
  add_instances(dns.backend, 5);
  for (const auto edns : {std::optional<std::uint16_t>(), std::optional<std::uint16_t>(4096)}) {
    const Message answer = dns.ask("web.service.consul", Type::kA, {.edns = edns});
    CHECK(answer.answers.size() == 2);
    CHECK(is_cut(answer));
  }
  const Message whole = dns.ask("web.service.consul", Type::kA, {.transport = Transport::kTcp});
  CHECK(whole.answers.size() == 5);
  CHECK_FALSE(is_cut(whole));

  // As Consul has it, nobody would know.
  options.strict_truncate = false;
  options.enable_truncate = true;
  dns.start(options);
  CHECK_FALSE(is_cut(dns.ask("web.service.consul", Type::kA, {.edns = 4096})));
  CHECK(dns.ask("web.service.consul", Type::kA, {.transport = Transport::kTcp}).answers.size() == 2);
}

TEST_CASE("a strict answer says when it lacks additional records", "[dns][strict]") {
  Service dns(strict());
  model::Node node;
  node.name = "n1";
  node.address = "192.0.2.1";
  for (int i = 0; i < 8; ++i) node.meta.set("key" + std::to_string(i), std::string(100, 'x'));
  dns.backend.put_node(node);
  CHECK(is_cut(dns.ask("n1.node.consul", Type::kA)));
  CHECK_FALSE(is_cut(dns.ask("n1.node.consul", Type::kA, {.edns = 4096})));
  CHECK(dns.ask("n1.node.consul", Type::kA, {.transport = Transport::kTcp}).additional.size() == 8);
}

TEST_CASE("a strict answer has all records of the name that a service points to", "[dns][strict]") {
  for (const bool is_strict : {true, false}) {
    Options options;
    options.strict_truncate = is_strict;
    Service dns(options);
    add_instances(dns.backend, 7);
    dns.backend.add("alias", "other", "web.service.consul");
    const Message answer = dns.ask("alias.service.consul", Type::kA, {.transport = Transport::kTcp});
    CHECK(answer.answers.size() == (is_strict ? 8 : 6));
  }
}

TEST_CASE("several tags at once", "[dns][strict]") {
  Options options;
  const auto tags = [&](std::string_view text, Type type = Type::kA) {
    return std::get<ServiceLookup>(parse_lookup(name(text), type, *Zone::make(options))).tags;
  };
  using Tags = std::vector<std::string>;
  CHECK(tags("v1.eu.web.service.consul") == Tags{"v1.eu"});
  options.multiple_tags = true;
  CHECK(tags("v1.eu.web.service.consul") == Tags{"v1", "eu"});
  CHECK(tags("v1.web.service.dc2.consul") == Tags{"v1"});
  CHECK(tags("web.service.consul").empty());
  CHECK(tags("_web._v1.service.consul", Type::kSrv) == Tags{"v1"});

  Service dns(options);
  dns.backend.add("web", "n1", "192.0.2.1", 80, {}, {"v1", "eu"});
  dns.backend.add("web", "n2", "192.0.2.2", 80, {}, {"v1"});
  dns.backend.add("web", "n3", "192.0.2.3", 80, {}, {"eu", "v2"});
  CHECK(last_bytes(dns.ask("v1.eu.web.service.consul", Type::kA)) == std::vector{1});
  CHECK(last_bytes(dns.ask("eu.v1.web.service.consul", Type::kA)) == std::vector{1});
  CHECK(dns.ask("v1.web.service.consul", Type::kA).answers.size() == 2);
  CHECK(dns.ask("v1.v2.web.service.consul", Type::kA).rcode() == Rcode::kNameError);
}

TEST_CASE("the nearest come first, and are the ones that stay", "[dns][strict]") {
  Options options;
  options.near = "here";
  Service dns(options);
  add_instances(dns.backend, 5);
  for (int i = 0; i < 20; ++i) {
    // The catalog is asked for its order, and that is kept.
    CHECK(last_bytes(dns.ask("web.service.consul", Type::kA, {.edns = 4096})) == std::vector{1, 2, 3, 4, 5});
    CHECK(last_bytes(dns.ask("web.service.consul", Type::kA)) == std::vector{1, 2, 3});
  }
  for (const model::Read& read : dns.backend.reads()) CHECK(read.near == "here");
}

TEST_CASE("every order of records is as likely as any other", "[dns][strict]") {
  constexpr int kInstances = 4;
  constexpr int kOrders = 24;
  constexpr int kAsked = 24'000;
  Service dns;
  add_instances(dns.backend, kInstances);
  const auto chi_square = [&](const Asking& how, std::size_t shown, int outcomes) {
    std::map<std::vector<int>, int> counts;
    for (int i = 0; i < kAsked; ++i) {
      const std::vector<int> order = last_bytes(dns.ask("web.service.consul", Type::kA, how));
      REQUIRE(order.size() == shown);
      ++counts[order];
    }
    REQUIRE(counts.size() == static_cast<std::size_t>(outcomes));
    const double expected = static_cast<double>(kAsked) / outcomes;
    double sum = 0;
    for (const auto& [order, count] : counts) sum += std::pow(count - expected, 2) / expected;
    return sum;
  };
  // 23 degrees of freedom: a fair shuffle is above 58 once in ten thousand seeds.
  CHECK(chi_square({.edns = 4096}, kInstances, kOrders) < 58);
  // Which of them are cut off is left to chance as well.
  CHECK(chi_square({}, 3, kOrders) < 58);
}

}  // namespace discovery::dns
