// Queries for other zones on their way to name servers, in the simulated world.
#include "lib/dns/forwarder.h"

#include <functional>
#include <optional>

#include <catch2/catch.hpp>

#include "lib/env/sim_env.h"
#include "tests/dns/dns_test.h"

namespace discovery::dns {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kTimeout = seconds(2);
constexpr Duration kLong = seconds(60);

std::string framed(const std::string& message) {
  return std::string{static_cast<char>(message.size() >> 8), static_cast<char>(message.size())} + message;
}

/// An answer to a query: one address, or only a code.
std::string answer_to(const std::string& query, Rcode rcode, const std::string& address = {}) {
  Message message = *decode(bytes_of(query));
  message.flags =
      static_cast<std::uint16_t>(kResponseFlag | kRecursionAvailableFlag |
                                 (message.flags & kRecursionDesiredFlag) | static_cast<std::uint16_t>(rcode));
  message.additional.clear();
  if (!address.empty()) {
    message.answers.push_back(address_record(message.questions[0].name, 99, *IpAddress::parse(address)));
  }
  return encode(message, true);
}

/// A name server on a machine of its own; what it does with a query is up to the test.
class NameServer {
 public:
  using Send = std::function<void(const std::string&)>;
  using Behaviour = std::function<void(const std::string& query, const Send& send)>;

  NameServer(env::Simulation& world, const std::string& address)
      : env_(world.add_env(address, address)),
        socket_(*env_.bind({address, 53}, {})),
        listener_(*env_.listen({address, 53}, {})) {
    socket_->start([this](env::Datagram& datagram) {
      queries.push_back(datagram.bytes);
      clients.push_back(datagram.peer);
      behave(datagram.bytes,
             [this, to = datagram.peer](const std::string& bytes) { socket_->send(to, bytes); });
    });
    listener_->start([this](std::unique_ptr<env::Stream> stream) {
      streams_.push_back(std::move(stream));
      read(*streams_.back());
    });
  }

  env::SimEnv& env() { return env_; }
  void send_from_another_port(const env::Endpoint& to, const std::string& bytes) {
    if (!other_) other_ = *env_.bind({env_.address(), 0}, {});
    other_->send(to, bytes);
  }
  void hang_up() { streams_.clear(); }

  Behaviour behave = [](const std::string&, const Send&) {};
  std::vector<std::string> queries;
  std::vector<env::Endpoint> clients;

 private:
  void read(env::Stream& stream) {
    stream.read_some(buffer_, [this, &stream](Result<std::size_t> size) {
      if (!size.ok() || *size == 0) return;
      queries.emplace_back(buffer_.data() + 2, *size - 2);
      behave(queries.back(), [this, &stream](const std::string& bytes) {
        sent_ = framed(bytes);
        const std::string_view piece = sent_;
        stream.write({&piece, 1}, [](const Status&) {});
      });
    });
  }

  env::SimEnv& env_;
  std::unique_ptr<env::DatagramSocket> socket_, other_;
  std::unique_ptr<env::Listener> listener_;
  std::vector<std::unique_ptr<env::Stream>> streams_;
  std::vector<char> buffer_ = std::vector<char>(4096);
  std::string sent_;
};

struct Fixture {
  Fixture() {
    Options options;
    options.recursors.servers = {{*IpAddress::parse("10.0.0.1")}, {*IpAddress::parse("10.0.0.2")}};
    options.recursors.timeout = kTimeout;
    zone = std::make_shared<const Zone>(*Zone::make(std::move(options)));
  }

  /// Asks, and waits for what becomes of it.
  Result<std::string> ask(const std::string& query, Transport transport = Transport::kUdp) {
    std::optional<Result<std::string>> result;
    begun = world.now();
    forwarder->ask(query, transport, zone, [&](Result<std::string> said) { result = std::move(said); });
    REQUIRE(world.run_until([&] { return result.has_value(); }, kLong));
    return *std::move(result);
  }
  Duration took() const { return world.now() - begun; }

  env::Simulation world{7};
  env::SimEnv& machine = world.add_env("agent", "10.0.0.9");
  NameServer first{world, "10.0.0.1"};
  NameServer second{world, "10.0.0.2"};
  std::shared_ptr<const Zone> zone;
  std::unique_ptr<Forwarder> forwarder = std::make_unique<Forwarder>(machine);
  Duration begun{};
};

NameServer::Behaviour says(Rcode rcode, const std::string& address = {}) {
  return
      [=](const std::string& query, const NameServer::Send& send) { send(answer_to(query, rcode, address)); };
}

std::string only_address(const Result<std::string>& message) {
  if (!message.ok()) return message.status().to_string();
  const auto decoded = decode(bytes_of(*message));
  if (!decoded.ok() || decoded->answers.size() != 1) return "no single answer";
  return std::get<IpAddress>(decoded->answers[0].data).to_text();
}

}  // namespace

TEST_CASE("a query goes to the first recursor and comes back with its own id", "[dns][forwarder]") {
  const auto transport = GENERATE(Transport::kUdp, Transport::kTcp);
  Fixture dns;
  dns.first.behave = says(Rcode::kNoError, "198.51.100.7");
  const std::string query = make_query("www.example.org", Type::kA, {.edns = 1232, .id = 0x1234});
  const auto message = dns.ask(query, transport);
  CHECK(only_address(message) == "198.51.100.7");
  CHECK(decode(bytes_of(*message))->id == 0x1234);
  REQUIRE(dns.first.queries.size() == 1);
  CHECK(dns.first.queries[0].substr(2) == query.substr(2));  // as it came, but for the id
  CHECK(dns.first.queries[0] != query);
  CHECK(dns.second.queries.empty());
  CHECK(dns.forwarder->counters().attempts == 1);
}

TEST_CASE("no such name is an answer", "[dns][forwarder]") {
  Fixture dns;
  dns.first.behave = says(Rcode::kNameError);
  const auto message = dns.ask(make_query("no.example.org", Type::kA));
  REQUIRE(message.ok());
  CHECK(decode(bytes_of(*message))->rcode() == Rcode::kNameError);
  CHECK(dns.second.queries.empty());
}

TEST_CASE("a recursor that does not help is passed over at once", "[dns][forwarder]") {
  const auto transport = GENERATE(Transport::kUdp, Transport::kTcp);
  const auto rcode = GENERATE(Rcode::kRefused, Rcode::kServerFailure, Rcode::kFormatError);
  Fixture dns;
  dns.first.behave = says(rcode);
  dns.second.behave = says(Rcode::kNoError, "198.51.100.8");
  CHECK(only_address(dns.ask(make_query("www.example.org", Type::kA), transport)) == "198.51.100.8");
  CHECK(dns.took() < kTimeout);
}

TEST_CASE("a recursor that cannot read a query may say so without it", "[dns][forwarder]") {
  Fixture dns;
  dns.first.behave = [](const std::string& query, const NameServer::Send& send) {
    send(query.substr(0, 2) + std::string("\x80\x01\0\0\0\0\0\0\0\0", 10));
  };
  dns.second.behave = says(Rcode::kNoError, "198.51.100.8");
  CHECK(only_address(dns.ask(make_query("www.example.org", Type::kA))) == "198.51.100.8");
  CHECK(dns.took() < kTimeout);
}

TEST_CASE("a silent recursor is waited for as long as the timeout says", "[dns][forwarder]") {
  const auto transport = GENERATE(Transport::kUdp, Transport::kTcp);
  Fixture dns;
  SECTION("another one answers") {
    dns.second.behave = says(Rcode::kNoError, "198.51.100.8");
    CHECK(only_address(dns.ask(make_query("www.example.org", Type::kA), transport)) == "198.51.100.8");
    CHECK(dns.took() >= kTimeout);
    CHECK(dns.took() < kTimeout + seconds(1));
  }
  SECTION("nobody answers") {
    const auto message = dns.ask(make_query("www.example.org", Type::kA), transport);
    CHECK(message.status().code() == Code::kUnavailable);
    CHECK(dns.took() >= 2 * kTimeout);
    CHECK(dns.took() < 2 * kTimeout + seconds(1));
    CHECK(dns.forwarder->counters().failed == 1);
  }
  SECTION("it cannot be reached") {
    dns.world.block(dns.machine, dns.first.env());
    dns.second.behave = says(Rcode::kNoError, "198.51.100.8");
    CHECK(only_address(dns.ask(make_query("www.example.org", Type::kA), transport)) == "198.51.100.8");
    CHECK(dns.took() < kTimeout + seconds(1));
  }
}

TEST_CASE("only an answer of the server that was asked, to what was asked, counts", "[dns][forwarder]") {
  Fixture dns;
  dns.first.behave = [&](const std::string& query, const NameServer::Send& send) {
    const env::Endpoint client = dns.first.clients.back();
    const std::string forged = answer_to(query, Rcode::kNoError, "203.0.113.66");
    std::string other_id = forged;
    other_id[0] = static_cast<char>(other_id[0] ^ 1);
    send(other_id);
    send(query);                 // no answer at all
    send(forged.substr(0, 11));  // cut off
    send(answer_to(make_query("www.example.net", Type::kA), Rcode::kNoError, "203.0.113.66"));
    dns.first.send_from_another_port(client, forged);
    dns.machine.post([&dns, send, query] {  // after all of that
      dns.world.step();
      send(answer_to(query, Rcode::kNoError, "198.51.100.7"));
    });
  };
  CHECK(only_address(dns.ask(make_query("www.example.org", Type::kA))) == "198.51.100.7");
}

TEST_CASE("the case of an echoed question does not matter", "[dns][forwarder]") {
  Fixture dns;
  dns.first.behave = [](std::string query, const NameServer::Send& send) {
    for (char& c : query) c = c == 'w' ? 'W' : c;
    send(answer_to(query, Rcode::kNoError, "198.51.100.7"));
  };
  CHECK(only_address(dns.ask(make_query("www.example.org", Type::kA))) == "198.51.100.7");
}

TEST_CASE("each attempt has an id and a port of its own", "[dns][forwarder]") {
  Fixture dns;
  dns.second.behave = says(Rcode::kServerFailure);
  CHECK_FALSE(dns.ask(make_query("www.example.org", Type::kA)).ok());
  dns.first.behave = says(Rcode::kNoError, "198.51.100.7");
  CHECK(dns.ask(make_query("www.example.org", Type::kA)).ok());
  REQUIRE(dns.first.queries.size() == 2);
  CHECK(dns.first.queries[0].substr(0, 2) != dns.first.queries[1].substr(0, 2));
  CHECK(dns.first.clients[0].port != dns.first.clients[1].port);
}

TEST_CASE("a connection that ends early is no answer", "[dns][forwarder]") {
  Fixture dns;
  dns.first.behave = [&](const std::string&, const NameServer::Send&) {
    dns.first.env().post([&] { dns.first.hang_up(); });
  };
  dns.second.behave = says(Rcode::kNoError, "198.51.100.8");
  CHECK(only_address(dns.ask(make_query("www.example.org", Type::kA), Transport::kTcp)) == "198.51.100.8");
  CHECK(dns.took() < kTimeout);
}

TEST_CASE("recursors in random order share the load", "[dns][forwarder]") {
  Fixture dns;
  Options options = dns.zone->options();
  options.recursors.shuffled = true;
  dns.zone = std::make_shared<const Zone>(*Zone::make(std::move(options)));
  dns.first.behave = says(Rcode::kNoError, "198.51.100.7");
  dns.second.behave = says(Rcode::kNoError, "198.51.100.8");
  constexpr std::size_t kQueries = 100;
  for (std::size_t i = 0; i < kQueries; ++i) CHECK(dns.ask(make_query("www.example.org", Type::kA)).ok());
  CHECK(dns.first.queries.size() + dns.second.queries.size() == kQueries);
  CHECK(dns.first.queries.size() > kQueries / 4);
  CHECK(dns.second.queries.size() > kQueries / 4);
}

TEST_CASE("too many queries under way are refused", "[dns][forwarder]") {
  Fixture dns;
  std::size_t refused = 0;
  std::size_t ended = 0;
  constexpr std::size_t kOver = 3;
  for (std::size_t i = 0; i < Forwarder::kMaxUnderWay + kOver; ++i) {
    dns.forwarder->ask(make_query("www.example.org", Type::kA), Transport::kUdp, dns.zone,
                       [&](const Result<std::string>& message) {
                         ++ended;
                         if (message.status().code() == Code::kResourceExhausted) ++refused;
                       });
  }
  CHECK(refused == kOver);
  CHECK(dns.world.run_until([&] { return ended == Forwarder::kMaxUnderWay + kOver; }, kLong));
  CHECK(refused == kOver);
  dns.first.behave = says(Rcode::kNoError, "198.51.100.7");
  CHECK(dns.ask(make_query("www.example.org", Type::kA)).ok());  // there is room again
}

TEST_CASE("a forwarder that goes takes what is under way with it", "[dns][forwarder]") {
  const auto transport = GENERATE(Transport::kUdp, Transport::kTcp);
  Fixture dns;
  bool called = false;
  dns.forwarder->ask(make_query("www.example.org", Type::kA), transport, dns.zone,
                     [&](const Result<std::string>&) { called = true; });
  if (GENERATE(true, false)) dns.world.run_for(milliseconds(500));
  dns.forwarder.reset();
  dns.world.run_for(kLong);
  CHECK_FALSE(called);
}

}  // namespace discovery::dns
