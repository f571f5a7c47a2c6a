// What the responder makes of names that only recursors know.
#include <optional>
#include <utility>

#include <catch2/catch.hpp>

#include "lib/dns/recursor.h"
#include "tests/dns/dns_test.h"

namespace discovery::dns {
namespace {

using Texts = std::vector<std::string>;

/// Holds what it was asked until the test answers.
class HeldRecursor final : public Recursor {
 public:
  void ask(std::string query, Transport transport, std::shared_ptr<const Zone> zone, Done done) override {
    asked.push_back({std::move(query), transport, std::move(zone), std::move(done)});
  }
  struct Asked {
    std::string query;
    Transport transport;
    std::shared_ptr<const Zone> zone;
    Done done;
  };

  Message question(std::size_t i) const { return *decode(bytes_of(asked.at(i).query)); }
  void fail(std::size_t i) {
    std::exchange(asked.at(i).done, {})(Status(Code::kUnavailable, "none answered"));
  }
  void answer(std::size_t i, const Message& message) {
    std::exchange(asked.at(i).done, {})(encode(message, true));
  }
  /// The question, and these records.
  void answer(std::size_t i, std::vector<Record> records) {
    Message message = question(i);
    message.flags |= kResponseFlag | kRecursionAvailableFlag;
    message.answers = std::move(records);
    answer(i, message);
  }

  std::vector<Asked> asked;
};

struct Fixture {
  explicit Fixture(Options options = {}) {
    options.node_ttl = std::chrono::seconds(10);
    options.service_ttl["*"] = std::chrono::seconds(5);
    options.recursors.servers = {{*IpAddress::parse("192.0.2.53")}};
    zone = std::make_shared<const Zone>(*Zone::make(std::move(options)));
    responder = std::make_unique<Responder>(ResponderSetup{zone, &backend, &clock, &recursor, 42}, [] {});
    backend.add("ext", "n5", "foo.example.com", 443);
    backend.add("web", "n1", "192.0.2.1");
  }

  std::optional<Message> send(const std::string& query, Transport transport = Transport::kUdp) {
    const auto outcome = responder->respond(bytes_of(query), transport, buffer);
    ticket = outcome.ticket;
    if (outcome.size == 0) return std::nullopt;
    return *decode(Bytes(buffer).first(outcome.size));
  }
  /// The answers that have become ready, by ticket.
  std::map<Responder::Ticket, Message> collect() {
    std::map<Responder::Ticket, Message> answers;
    responder->collect(buffer, [&](Responder::Ticket to, Bytes bytes) { answers[to] = *decode(bytes); });
    return answers;
  }

  FakeBackend backend;
  FixedClock clock;
  HeldRecursor recursor;
  std::shared_ptr<const Zone> zone;
  std::unique_ptr<Responder> responder;
  std::vector<std::uint8_t> buffer = std::vector<std::uint8_t>(kMaxMessageBytes);
  Responder::Ticket ticket = 0;
};

Record address(std::string_view owner, std::uint32_t ttl, std::string_view ip) {
  return address_record(name(owner), ttl, *IpAddress::parse(ip));
}

}  // namespace

TEST_CASE("names of other zones are sent on and the answer is relayed", "[dns][recursion]") {
  const auto transport = GENERATE(Transport::kUdp, Transport::kTcp);
  Fixture dns;
  const std::string query = make_query("www.example.org", Type::kMx, {.edns = 1400, .id = 77});
  REQUIRE_FALSE(dns.send(query, transport));
  REQUIRE(dns.recursor.asked.size() == 1);
  CHECK(dns.recursor.asked[0].query == query);
  CHECK(dns.recursor.asked[0].transport == transport);
  Message message = dns.recursor.question(0);
  message.flags = kResponseFlag | kRecursionAvailableFlag | static_cast<std::uint16_t>(Rcode::kNameError);
  message.authority.push_back(address("example.org", 7, "192.0.2.9"));
  dns.recursor.answer(0, message);
  CHECK(dns.collect().at(dns.ticket).flags == message.flags);
  CHECK(dns.responder->counters().relayed == 1);

  // Not even the next moment is it known.
  CHECK_FALSE(dns.send(query, transport));
  CHECK(dns.recursor.asked.size() == 2);
}

TEST_CASE("when no recursor answers the client is told", "[dns][recursion]") {
  Fixture dns;
  REQUIRE_FALSE(dns.send(make_query("www.example.org", Type::kA, {.edns = 1400})));
  dns.recursor.fail(0);
  const Message answer = dns.collect().at(dns.ticket);
  CHECK(answer.rcode() == Rcode::kServerFailure);
  CHECK((answer.flags & kRecursionAvailableFlag) != 0);
  CHECK((answer.flags & kAuthoritativeFlag) == 0);
  CHECK(answer.questions.size() == 1);
  CHECK(answer.additional.size() == 1);  // OPT
}

TEST_CASE("answers of the own zone say that others can be asked for", "[dns][recursion]") {
  Fixture dns;
  const auto flags = [&](std::string_view of) { return dns.send(make_query(of, Type::kA))->flags; };
  CHECK((flags("web.service.consul") & kRecursionAvailableFlag) != 0);
  CHECK((flags("none.service.consul") & kRecursionAvailableFlag) != 0);
  CHECK(dns.recursor.asked.empty());
}

TEST_CASE("the same query twice is sent on once", "[dns][recursion]") {
  Fixture dns;
  std::vector<Responder::Ticket> tickets;
  for (std::uint16_t id = 1; id <= 3; ++id) {
    CHECK_FALSE(dns.send(make_query("www.example.org", Type::kA, {.id = id})));
    tickets.push_back(dns.ticket);
  }
  CHECK_FALSE(dns.send(make_query("www.example.org", Type::kAaaa)));
  CHECK_FALSE(dns.send(make_query("www.example.org", Type::kA, {.edns = 1400})));
  CHECK_FALSE(dns.send(make_query("www.example.org", Type::kA), Transport::kTcp));
  CHECK(dns.recursor.asked.size() == 4);
  dns.recursor.answer(0, {address("www.example.org", 9, "198.51.100.7")});
  auto answers = dns.collect();
  REQUIRE(answers.size() == 3);
  for (std::uint16_t i = 0; i < 3; ++i) {
    CHECK(answers.at(tickets[i]).id == i + 1);
    CHECK(answers.at(tickets[i]).answers.size() == 1);
  }
}

TEST_CASE("an answer larger than its client takes is marked as cut", "[dns][recursion]") {
  const auto transport = GENERATE(Transport::kUdp, Transport::kTcp);
  Fixture dns;
  CHECK_FALSE(dns.send(make_query("www.example.org", Type::kA), transport));
  std::vector<Record> records;
  for (int i = 0; i < 200; ++i)
    records.push_back(address("www.example.org", 9, "198.51.100." + std::to_string(i)));
  dns.recursor.answer(0, records);
  const Message answer = dns.collect().at(dns.ticket);
  const bool cut = transport == Transport::kUdp;
  CHECK(((answer.flags & kTruncatedFlag) != 0) == cut);
  CHECK(answer.answers.size() == (cut ? 0 : 200));
  CHECK(answer.questions.size() == 1);
}

TEST_CASE("addresses that nobody here has are sent on", "[dns][recursion]") {
  Fixture dns;
  CHECK(dns.send(make_query("1.2.0.192.in-addr.arpa", Type::kPtr))->answers.size() == 1);
  CHECK(dns.recursor.asked.empty());
  CHECK_FALSE(dns.send(make_query("9.9.9.9.in-addr.arpa", Type::kPtr)));
  CHECK(dns.recursor.asked.size() == 1);

  // Also where the catalog takes a while.
  dns.backend.set_mode(FakeBackend::Mode::kDeferred);
  CHECK_FALSE(dns.send(make_query("8.8.8.8.in-addr.arpa", Type::kPtr)));
  for (int i = 0; i < 2; ++i) {  // nodes, then services
    CHECK(dns.backend.complete() == 1);
    CHECK(dns.collect().empty());
  }
  REQUIRE(dns.recursor.asked.size() == 2);
  dns.recursor.answer(1, std::vector<Record>{});
  CHECK(dns.collect().count(dns.ticket) == 1);
  CHECK(dns.responder->counters().waiting == 0);
}

TEST_CASE("host names of instances are looked up", "[dns][recursion]") {
  Fixture dns;
  const Record found = address("foo.example.com", 99, "1.2.3.4");

  CHECK_FALSE(dns.send(make_query("ext.service.consul", Type::kAaaa)));
  const Message asked = dns.recursor.question(0);
  CHECK(asked.questions == std::vector<QuestionEntry>{{name("foo.example.com"), Type::kA}});
  CHECK((asked.flags & kRecursionDesiredFlag) != 0);
  CHECK(dns.recursor.asked[0].transport == Transport::kUdp);
  dns.recursor.answer(0, {found});
  const Texts both = {"ext.service.consul. 5 CNAME foo.example.com.", "foo.example.com. 5 A 1.2.3.4"};
  CHECK(to_texts(dns.collect().at(dns.ticket).answers) == both);

  CHECK_FALSE(dns.send(make_query("n5.node.consul", Type::kA)));
  dns.recursor.answer(1, {found});
  CHECK(to_texts(dns.collect().at(dns.ticket).answers) ==
        Texts{"foo.example.com. 99 A 1.2.3.4", "n5.node.consul. 10 CNAME foo.example.com."});

  CHECK_FALSE(dns.send(make_query("ext.service.consul", Type::kSrv)));
  dns.recursor.answer(2, {found});
  const Message srv = dns.collect().at(dns.ticket);
  CHECK(to_texts(srv.answers) == Texts{"ext.service.consul. 5 SRV 1 1 443 foo.example.com."});
  CHECK(to_texts(srv.additional) == Texts{"foo.example.com. 5 A 1.2.3.4"});

  SECTION("only the name where nobody knows it") {
    CHECK_FALSE(dns.send(make_query("ext.service.consul", Type::kA)));
    dns.recursor.fail(3);
    const Message answer = dns.collect().at(dns.ticket);
    CHECK(answer.rcode() == Rcode::kNoError);
    CHECK(to_texts(answer.answers) == Texts{"ext.service.consul. 5 CNAME foo.example.com."});
  }
  SECTION("only the name where the answer makes no sense") {
    CHECK_FALSE(dns.send(make_query("ext.service.consul", Type::kA)));
    std::exchange(dns.recursor.asked.at(3).done, {})(std::string("\0\0\x80\0\0\1\xFF\xFF\0\0\0\0", 12));
    CHECK(dns.collect().at(dns.ticket).answers.size() == 1);
  }
  SECTION("nothing of it is kept") {
    CHECK_FALSE(dns.send(make_query("ext.service.consul", Type::kA)));
    CHECK(dns.recursor.asked.size() == 4);
  }
}

TEST_CASE("five records of a host for clients without EDNS", "[dns][recursion]") {
  const bool edns = GENERATE(false, true);
  const bool node = GENERATE(false, true);
  Fixture dns;
  Asking how;
  if (edns) how.edns = 1400;
  CHECK_FALSE(
      dns.send(make_query(node ? "n5.node.consul" : "ext.service.consul", Type::kA, how), Transport::kTcp));
  std::vector<Record> records = {{name("foo.example.com"), Type::kTxt, kClassInternet, 9, Txt{{"not this"}}}};
  for (int i = 0; i < 8; ++i)
    records.push_back(address("foo.example.com", 9, "198.51.100." + std::to_string(i)));
  dns.recursor.answer(0, records);
  CHECK(dns.collect().at(dns.ticket).answers.size() == (edns ? 9 : 6));
}

TEST_CASE("too many queries that wait for recursors are refused", "[dns][recursion]") {
  Fixture dns;
  for (std::size_t i = 0; i < Responder::kMaxRelayed; ++i)
    REQUIRE_FALSE(dns.send(make_query("w" + std::to_string(i) + ".example.org", Type::kA)));
  const auto refused = dns.send(make_query("one.more.example.org", Type::kA));
  REQUIRE(refused);
  CHECK(refused->rcode() == Rcode::kServerFailure);
  CHECK(dns.responder->counters().overloaded == 1);
  // The own zone does not suffer.
  CHECK(dns.send(make_query("web.service.consul", Type::kA))->answers.size() == 1);
  dns.recursor.fail(0);
  CHECK(dns.collect().size() == 1);
  CHECK_FALSE(dns.send(make_query("one.more.example.org", Type::kA)));
}

TEST_CASE("other recursors count from the next query on", "[dns][recursion]") {
  Fixture dns;
  const std::string query = make_query("www.example.org", Type::kA);
  CHECK_FALSE(dns.send(query));
  const Responder::Ticket before = dns.ticket;
  Options options = dns.zone->options();
  options.recursors.servers = {{*IpAddress::parse("192.0.2.54")}};
  const auto zone = std::make_shared<const Zone>(*Zone::make(std::move(options)));
  dns.responder->set_zone(zone);
  CHECK_FALSE(dns.send(query));
  REQUIRE(dns.recursor.asked.size() == 2);
  CHECK(dns.recursor.asked[1].zone == zone);
  dns.recursor.answer(0, {address("www.example.org", 9, "198.51.100.7")});
  CHECK(dns.collect().count(before) == 1);
  dns.recursor.answer(1, {address("www.example.org", 9, "198.51.100.8")});
  CHECK(dns.collect().count(dns.ticket) == 1);
}

}  // namespace discovery::dns
