#include "lib/dns/responder.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>
#include <new>
#include <set>

#include <catch2/catch.hpp>

#include "lib/dns/answer_cache.h"
#include "tests/dns/dns_test.h"

namespace {

std::atomic<std::size_t> allocations{0};

void* counted(std::size_t size) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size == 0 ? 1 : size);
}

void* counted_or_throw(std::size_t size) {
  if (void* memory = counted(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

// Counts for the whole program; only differences matter.
void* operator new(std::size_t size) { return counted_or_throw(size); }
void* operator new[](std::size_t size) { return counted_or_throw(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace discovery::dns {
namespace {

/// Answers handed out by collect(), by ticket.
std::map<Responder::Ticket, Message> collect(Service& service) {
  std::map<Responder::Ticket, Message> answers;
  service.responder->collect(service.buffer, [&answers](Responder::Ticket ticket, Bytes bytes) {
    answers[ticket] = *decode(bytes);
  });
  return answers;
}

Responder::Outcome begin(Service& service, const std::string& query) {
  return service.responder->respond(bytes_of(query), Transport::kUdp, service.buffer);
}

}  // namespace

TEST_CASE("kept answers cost no allocation and no query", "[dns][responder]") {
  Service dns;
  for (int i = 0; i < 40; ++i) {
    dns.backend.add("web", "n" + std::to_string(i), "192.0.2." + std::to_string(i), 80,
                    i % 2 == 0 ? "192.0.2." + std::to_string(100 + i) : "");
  }
  dns.backend.add("one", "n0", "192.0.2.0");
  const Asking edns{.edns = 1232, .subnet = std::string("\0\1\x18\0\x0A\0\0", 7)};
  const Asking tcp{.transport = Transport::kTcp};
  std::vector<std::pair<std::string, Transport>> questions;
  for (const char* qname :
       {"web.service.consul", "WEB.Service.consul", "one.service.consul", "none.service.consul", "consul",
        "n1.node.consul", "c0000201.addr.consul", "9.9.9.9.in-addr.arpa", "nope.consul"}) {
    for (const Type type : {Type::kA, Type::kAaaa, Type::kSrv, Type::kAny, Type::kSoa, Type::kNs}) {
      for (const Asking& how : {Asking{}, edns, tcp}) {
        questions.emplace_back(make_query(qname, type, how), how.transport);
      }
    }
  }
  for (const auto& [query, transport] : questions) dns.raw(query, transport);
  const std::size_t queries = dns.backend.queries();
  const std::size_t before = allocations.load();
  std::size_t bytes = 0;
  for (int round = 0; round < 3; ++round) {
    for (const auto& [query, transport] : questions) {
      bytes += dns.responder->respond(bytes_of(query), transport, dns.buffer).size;
    }
  }
  CHECK(allocations.load() == before);
  CHECK(dns.backend.queries() == queries);
  CHECK(bytes > 3 * questions.size() * kHeaderBytes);
  CHECK(dns.responder->counters().kept >= 3 * questions.size());
}

TEST_CASE("an answer changes at once when health does", "[dns][responder]") {
  Service dns;
  dns.backend.add("web", "n1", "192.0.2.1");
  dns.backend.add("web", "n2", "192.0.2.2");
  const auto count = [&dns](const char* qname) {
    return dns.ask(qname, Type::kA, {.edns = 4096}).answers.size();
  };
  REQUIRE(count("web.service.consul") == 2);
  dns.backend.set_status("n1", "web", "critical");
  CHECK(count("web.service.consul") == 1);
  dns.backend.set_status("n1", "web", "passing");
  CHECK(count("web.service.consul") == 2);
  CHECK(count("new.service.consul") == 0);
  dns.backend.add("new", "n3", "192.0.2.3");
  CHECK(count("new.service.consul") == 1);

  // Also one that stands behind another name.
  dns.backend.add("alias", "n4", "192.0.2.4", 80, "web.service.consul");
  REQUIRE(count("alias.service.consul") == 3);
  dns.backend.set_status("n2", "web", "critical");
  CHECK(count("alias.service.consul") == 2);
}

TEST_CASE("identity, flags and case come from the query", "[dns][responder]") {
  Service dns;
  dns.backend.add("web", "n1", "192.0.2.1");
  for (int round = 0; round < 2; ++round) {
    const Message message =
        dns.ask("WeB.sErViCe.CoNsUl", Type::kA, {.flags = 0x0130, .id = 77, .question_class = 3});
    CHECK(message.id == 77);
    // Recursion desired and checking disabled are copied, authentic data is not.
    CHECK(message.flags ==
          (kResponseFlag | kAuthoritativeFlag | kRecursionDesiredFlag | kCheckingDisabledFlag));
    REQUIRE(message.questions.size() == 1);
    CHECK(message.questions[0].name == name("WeB.sErViCe.CoNsUl"));
    CHECK(message.questions[0].question_class == 3);
    REQUIRE(message.answers.size() == 1);
    CHECK(message.answers[0].owner == name("WeB.sErViCe.CoNsUl"));
    CHECK(message.answers[0].record_class == kClassInternet);
    CHECK((dns.ask("web.service.consul", Type::kA, {.flags = 0}).flags & kRecursionDesiredFlag) == 0);
    const Message missing = dns.ask("NONE.service.CONSUL", Type::kA);
    REQUIRE(missing.authority.size() == 1);
    CHECK(missing.authority[0].owner == name("consul"));
  }
  constexpr std::uint16_t kNotify = 4U << 11;
  const Message notify = dns.ask("web.service.consul", Type::kA, {.flags = kNotify | kRecursionDesiredFlag});
  CHECK(notify.flags == (kResponseFlag | kNotify | kAuthoritativeFlag));
}

TEST_CASE("what is no query gets an error or nothing", "[dns][responder]") {
  Service dns;
  const std::string query = make_query("web.service.consul", Type::kA);
  CHECK(dns.raw("").empty());
  CHECK(dns.raw(query.substr(0, 11)).empty());
  std::string response = query;
  response[2] = static_cast<char>(0x81);
  CHECK(dns.raw(response).empty());
  CHECK(dns.raw(query.substr(0, 20)) == std::string("\x12\x34\x81\x01\0\0\0\0\0\0\0\0", 12));
  std::string update = query;
  update[2] = 5 << 3 | 1;
  CHECK(dns.raw(update) == std::string("\x12\x34\xA9\x04\0\0\0\0\0\0\0\0", 12));
  CHECK(dns.responder->counters().malformed == 5);
  CHECK(dns.backend.queries() == 0);
}

TEST_CASE("EDNS is answered with EDNS", "[dns][responder]") {
  Service dns;
  dns.backend.add("web", "n1", "192.0.2.1");
  for (const int bytes : {0, 100, 512, 1232, 65535}) {
    const auto size = static_cast<std::uint16_t>(bytes);
    const Message message = dns.ask("web.service.consul", Type::kA, {.edns = size});
    REQUIRE(message.additional.size() == 1);
    CHECK(message.additional[0].type == Type::kOpt);
    CHECK(message.additional[0].record_class == size);
    CHECK(message.additional[0].owner.is_root());
  }
  CHECK(dns.ask("web.service.consul", Type::kA).additional.empty());
  const Asking subnet{.edns = 1232, .subnet = std::string("\0\1\x08\x08\x0A", 5)};
  const Message message = dns.ask("web.service.consul", Type::kA, subnet);
  REQUIRE(message.additional.size() == 1);
  CHECK(std::get<RawData>(message.additional[0].data).bytes == std::string("\0\x08\0\5\0\1\x08\0\x0A", 9));
}

TEST_CASE("every order and every selection is as likely as another", "[dns][responder]") {
  Service dns;
  for (int i = 0; i < 4; ++i) dns.backend.add("web", "n" + std::to_string(i), "192.0.2." + std::to_string(i));
  constexpr int kRounds = 6'000;
  std::map<std::string, int> orders;
  std::map<std::string, int> firsts;
  for (int i = 0; i < kRounds; ++i) {
    std::string order;
    for (const Record& record : dns.ask("web.service.consul", Type::kA, {.edns = 1232}).answers) {
      order += std::get<IpAddress>(record.data).to_text().back();
    }
    ++orders[order];
    // Three of four, for a client without EDNS.
    std::string some;
    for (const Record& record : dns.ask("web.service.consul", Type::kA).answers) {
      some += std::get<IpAddress>(record.data).to_text().back();
    }
    ++firsts[some];
  }
  // 250 of each are expected; six standard deviations are 93.
  CHECK(orders.size() == 24);
  CHECK(firsts.size() == 24);
  for (const auto& counts : {orders, firsts}) {
    for (const auto& [order, count] : counts) CHECK(std::abs(count - kRounds / 24) < 95);
  }
}

TEST_CASE("errors of the backend", "[dns][responder]") {
  Service dns;
  dns.backend.add("web", "n1", "192.0.2.1");
  dns.backend.set_failure({Code::kUnavailable, "No cluster leader"});
  const Message failed = dns.ask("web.service.consul", Type::kA, {.edns = 1232});
  CHECK(failed.rcode() == Rcode::kServerFailure);
  CHECK(failed.authority.empty());
  CHECK(failed.additional.size() == 1);
  CHECK(dns.ask("consul", Type::kSoa).answers.size() == 1);  // the record itself needs nobody
  dns.backend.set_failure({Code::kUnavailable, "rpc error: No path to datacenter"});
  CHECK(dns.ask("web.service.consul", Type::kA).rcode() == Rcode::kNameError);
  dns.backend.set_failure({});
  CHECK(dns.ask("web.service.consul", Type::kA).answers.size() == 1);
}

TEST_CASE("how the backend is asked", "[dns][responder]") {
  Options options;
  options.token = "secret";
  SECTION("any server's answer will do, unless it is too old") {
    options.max_stale = std::chrono::seconds(5);
    Service dns(options);
    dns.backend.add("web", "n1", "192.0.2.1");
    dns.backend.set_last_contact(std::chrono::seconds(4));
    CHECK(dns.ask("web.service.consul", Type::kA).answers.size() == 1);
    CHECK(dns.backend.reads().size() == 1);
    CHECK(dns.backend.reads()[0].consistency == Consistency::kStale);
    CHECK(dns.backend.reads()[0].call.token == "secret");
    CHECK(dns.backend.reads()[0].call.datacenter.empty());
    dns.backend.set_last_contact(std::chrono::seconds(6));
    CHECK(dns.ask("web.service.consul", Type::kA).answers.size() == 1);
    REQUIRE(dns.backend.reads().size() == 3);  // with so small a max_stale nothing is kept
    CHECK(dns.backend.reads()[2].consistency == Consistency::kDefault);
  }
  SECTION("only the leader's, each time") {
    options.allow_stale = false;
    Service dns(options);
    dns.backend.add("web", "n1", "192.0.2.1");
    for (std::size_t i = 1; i < 4; ++i) {
      dns.ask("web.service.consul", Type::kA);
      REQUIRE(dns.backend.queries() == i);
      CHECK(dns.backend.reads().back().consistency == Consistency::kDefault);
    }
  }
  SECTION("another datacenter is named") {
    Service dns(options);
    dns.ask("web.service.DC2.consul", Type::kA);
    dns.ask("web.service.DC1.consul", Type::kA);
    REQUIRE(dns.backend.reads().size() == 2);
    CHECK(dns.backend.reads()[0].call.datacenter == "dc2");
    CHECK(dns.backend.reads()[1].call.datacenter.empty());
  }
}

TEST_CASE("answers that come later", "[dns][responder]") {
  Service dns;
  dns.backend.add("web", "n1", "192.0.2.1");
  SECTION("inside the call") {
    dns.backend.set_mode(FakeBackend::Mode::kInside);
    CHECK(dns.ask("web.service.consul", Type::kA).answers.size() == 1);
    CHECK(dns.wakes == 0);
    return;
  }
  dns.backend.set_mode(FakeBackend::Mode::kDeferred);
  const auto first = begin(dns, make_query("web.service.consul", Type::kA));
  CHECK(first.size == 0);
  REQUIRE(first.ticket != 0);
  CHECK(dns.responder->counters().waiting == 1);

  SECTION("go to all who asked the same, each in his own way") {
    const auto second = begin(dns, make_query("WEB.service.consul", Type::kA, {.id = 99}));
    REQUIRE(second.ticket != 0);
    REQUIRE(second.ticket != first.ticket);
    CHECK(dns.backend.queries() == 1);
    CHECK(collect(dns).empty());
    CHECK(dns.backend.complete() == 1);
    CHECK(dns.wakes == 1);
    auto answers = collect(dns);
    REQUIRE(answers.size() == 2);
    CHECK(answers[first.ticket].id == 0x1234);
    CHECK(answers[second.ticket].id == 99);
    CHECK(answers[second.ticket].questions[0].name == name("WEB.service.consul"));
    CHECK(dns.responder->counters().waiting == 0);
    // From here on it is kept.
    CHECK(dns.ask("web.service.consul", Type::kA).answers.size() == 1);
    CHECK(dns.backend.queries() == 1);
  }
  SECTION("who asks after a change sees the change") {
    dns.backend.set_status("n1", "web", "critical");  // the query under way was evaluated before
    const auto late = begin(dns, make_query("web.service.consul", Type::kA));
    dns.backend.complete();
    auto answers = collect(dns);
    REQUIRE(answers.size() == 1);
    CHECK(answers[first.ticket].answers.size() == 1);
    dns.backend.complete();
    answers = collect(dns);
    REQUIRE(answers.size() == 1);
    CHECK(answers[late.ticket].rcode() == Rcode::kNameError);
    CHECK(dns.responder->counters().waiting == 0);
  }
  SECTION("in several steps") {
    dns.backend.set_mode(FakeBackend::Mode::kAtOnce);
    dns.backend.add("alias", "n4", "192.0.2.4", 80, "web.service.consul");
    dns.backend.set_mode(FakeBackend::Mode::kDeferred);
    const auto alias = begin(dns, make_query("alias.service.consul", Type::kA));
    dns.backend.complete();
    CHECK(collect(dns).count(alias.ticket) == 0);
    dns.backend.complete();
    auto answers = collect(dns);
    REQUIRE(answers.count(alias.ticket) == 1);
    CHECK(answers[alias.ticket].answers.size() == 2);
  }
  SECTION("under other options than those of the question") {
    Options options;
    options.service_ttl["*"] = std::chrono::seconds(9);
    dns.responder->set_zone(std::make_shared<const Zone>(*Zone::make(options)));
    const auto second = begin(dns, make_query("web.service.consul", Type::kA));
    CHECK(dns.backend.queries() == 2);
    dns.backend.complete();
    auto answers = collect(dns);
    REQUIRE(answers.size() == 2);
    CHECK(answers[first.ticket].answers[0].ttl == 0);
    CHECK(answers[second.ticket].answers[0].ttl == 9);
    CHECK(dns.ask("web.service.consul", Type::kA).answers[0].ttl == 9);
  }
  SECTION("to nobody, when the responder is gone") {
    dns.responder.reset();
    CHECK(dns.backend.complete() == 1);
    CHECK(dns.wakes == 0);
  }
}

TEST_CASE("a limit to what waits", "[dns][responder]") {
  Service dns;
  dns.backend.set_mode(FakeBackend::Mode::kDeferred);
  const std::string query = make_query("web.service.consul", Type::kA);
  for (std::size_t i = 0; i < Responder::kMaxWaiting; ++i) REQUIRE(begin(dns, query).ticket != 0);
  const auto refused = begin(dns, query);
  CHECK(refused.ticket == 0);
  REQUIRE(refused.size == kHeaderBytes);
  CHECK((dns.buffer[3] & 15) == static_cast<int>(Rcode::kServerFailure));
  CHECK(dns.responder->counters().overloaded == 1);
  // Another question is refused as well, and asks nobody.
  CHECK(begin(dns, make_query("db.service.consul", Type::kA)).ticket == 0);
  CHECK(dns.backend.queries() == 1);
  dns.backend.complete();
  CHECK(collect(dns).size() == Responder::kMaxWaiting);
  CHECK(begin(dns, query).size > kHeaderBytes);
}

TEST_CASE("new options count from the next query", "[dns][responder]") {
  Service dns;
  dns.backend.add("web", "n1", "192.0.2.1");
  CHECK(dns.ask("web.service.consul", Type::kA).answers[0].ttl == 0);
  Options options;
  options.service_ttl["web"] = std::chrono::seconds(30);
  dns.responder->set_zone(std::make_shared<const Zone>(*Zone::make(options)));
  CHECK(dns.ask("web.service.consul", Type::kA).answers[0].ttl == 30);
}

TEST_CASE("a flood of names does not push out the busy ones", "[dns][responder]") {
  Service dns;
  dns.backend.add("web", "n1", "192.0.2.1");
  dns.ask("web.service.consul", Type::kA);
  const std::size_t flood = AnswerCache::Limits{}.entries * 3 / 2;
  std::size_t asked_again = 0;
  for (std::size_t i = 0; i < flood; ++i) {
    dns.raw(make_query("x" + std::to_string(i) + ".node.consul", Type::kA));
    const std::size_t before = dns.backend.queries();
    if (i % 16 == 0) {
      dns.raw(make_query("web.service.consul", Type::kA));
      asked_again += dns.backend.queries() - before;
    }
  }
  CHECK(asked_again == 0);
}

/// An answer to keep, with so many addresses.
std::unique_ptr<AnswerCache::Entry> entry(const std::string& key, std::size_t addresses) {
  Reply reply;
  for (std::size_t i = 0; i < addresses; ++i) {
    reply.choices.push_back({address_record(name(key), 0, *IpAddress::parse("192.0.2.1")), {}});
  }
  return std::make_unique<AnswerCache::Entry>(
      AnswerCache::Entry{key, EncodedAnswer(reply, name(key), true), {}});
}

TEST_CASE("what is kept stays where it is while more comes, up to the bound", "[dns][responder]") {
  AnswerCache cache(AnswerCache::Limits{});
  std::vector<EncodedAnswer*> answers;
  constexpr std::size_t kMany = 500;  // far from the bound, so that none has to go
  for (std::size_t i = 0; i < kMany; ++i) {
    const std::string key = "n" + std::to_string(i);
    cache.insert(entry(key, 1));
    answers.push_back(cache.find(key));
    REQUIRE(answers.back() != nullptr);
  }
  CHECK(cache.size() == kMany);
  for (std::size_t i = 0; i < kMany; ++i) CHECK(cache.find("n" + std::to_string(i)) == answers[i]);
}

TEST_CASE("kept answers are bounded in number and bytes", "[dns][responder]") {
  AnswerCache cache({.entries = 64, .bytes = 100'000, .entry_bytes = 50'000});
  for (int i = 0; i < 1000; ++i) {
    cache.insert(entry("n" + std::to_string(i), static_cast<std::size_t>(i % 100)));
    REQUIRE(cache.size() <= 64);
    REQUIRE(cache.bytes() <= 100'000);
    REQUIRE(cache.find("n" + std::to_string(i)) != nullptr);
  }
  const std::size_t size = cache.size();
  cache.insert(entry("huge", 4000));
  CHECK(cache.find("huge") == nullptr);
  CHECK(cache.size() == size);
  cache.clear();
  CHECK(cache.size() == 0);
  CHECK(cache.bytes() == 0);
}

}  // namespace discovery::dns
