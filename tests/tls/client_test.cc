#include "lib/tls/client.h"

#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <catch2/catch.hpp>

#include "tests/env/world.h"
#include "tests/tls/test_server.h"

namespace discovery::tls {
namespace {

using env::Connected;
using env::RealWorld;
using env::SimWorld;
using namespace std::chrono_literals;
using Outcome = std::optional<Result<std::unique_ptr<env::Stream>>>;

const TestIdentity& identity() {
  static const TestIdentity identity("db.example");
  return identity;
}

std::shared_ptr<const ClientContext> trusting(const std::string& pem) {
  return *ClientContext::create({.ca_text = pem});
}

/// A client's handshake on one end of a connection.
template <class World>
struct Attempt {
  Connected<World> link;
  Outcome outcome;
  std::unique_ptr<Handshake> handshake;

  void begin(std::shared_ptr<const ClientContext> context, const std::string& name, Duration timeout = 5s) {
    handshake = connect(link.world.client(), std::move(link.client), std::move(context), name, timeout,
                        [this](Result<std::unique_ptr<env::Stream>> result) { outcome = std::move(result); });
  }
  bool await() {
    return link.world.run_until([this] { return outcome.has_value(); });
  }
};

TEMPLATE_TEST_CASE("bytes go both ways through TLS, and its end is seen", "[tls]", RealWorld, SimWorld) {
  Attempt<TestType> attempt;
  TestServer server(attempt.link.server(), identity());
  attempt.begin(trusting(identity().pem()), "db.example");
  REQUIRE(attempt.await());
  REQUIRE(attempt.outcome->ok());
  CHECK(server.asked_for() == "db.example");
  attempt.handshake.reset();
  env::Stream& stream = ***attempt.outcome;
  // More than one record, and than one turn's worth of bytes.
  const std::string text(200'000, 'x');
  const std::array<std::string_view, 3> pieces = {"<", text, ">"};
  bool written = false;
  stream.write(pieces, [&](const Status& status) { written = status.ok(); });
  env::Reader reader;
  reader.read(stream);
  REQUIRE(attempt.link.world.run_until([&] { return reader.text.size() == text.size() + 2; }));
  CHECK(written);
  CHECK(reader.text == "<" + text + ">");
  stream.shutdown_send();
  REQUIRE(attempt.link.world.run_until([&] { return server.ended() && reader.ended; }));
  CHECK(reader.failure.ok());
}

TEMPLATE_TEST_CASE("a server that nobody vouches for is refused, unless nobody asks", "[tls]", RealWorld,
                   SimWorld) {
  const TestIdentity stranger("db.example");
  const bool verify = GENERATE(true, false);
  Attempt<TestType> attempt;
  TestServer server(attempt.link.server(), stranger);
  attempt.begin(verify ? trusting(identity().pem()) : *ClientContext::create({.verify = false}),
                "db.example");
  REQUIRE(attempt.await());
  REQUIRE(attempt.outcome->ok() == !verify);
  if (verify) {
    CHECK(attempt.outcome->status().code() == Code::kUnavailable);
    CHECK(attempt.outcome->status().message().find("failed to verify certificate") != std::string_view::npos);
  }
}

TEMPLATE_TEST_CASE("a certificate for another host is refused", "[tls]", RealWorld, SimWorld) {
  const std::string name = GENERATE(std::string("other.example"), std::string("127.0.0.1"));
  Attempt<TestType> attempt;
  TestServer server(attempt.link.server(), identity());
  attempt.begin(trusting(identity().pem()), name);
  REQUIRE(attempt.await());
  REQUIRE(attempt.outcome->status().code() == Code::kUnavailable);
  CHECK(attempt.outcome->status().message().find("mismatch") != std::string_view::npos);
}

TEMPLATE_TEST_CASE("a server that does not speak TLS, or hangs up, is an error", "[tls]", RealWorld,
                   SimWorld) {
  const bool talks = GENERATE(true, false);
  Attempt<TestType> attempt;
  const std::array<std::string_view, 1> greeting = {"220 ready when you are\r\n"};
  if (talks) {
    attempt.link.server().write(greeting, [](const Status&) {});
  } else {
    attempt.link.server().shutdown_send();
  }
  attempt.begin(trusting(identity().pem()), "db.example");
  REQUIRE(attempt.await());
  CHECK(attempt.outcome->status().code() == Code::kUnavailable);
}

TEMPLATE_TEST_CASE("a silent server costs no more than the timeout", "[tls]", RealWorld, SimWorld) {
  Attempt<TestType> attempt;
  attempt.begin(trusting(identity().pem()), "db.example", 50ms);
  REQUIRE(attempt.await());
  CHECK(attempt.outcome->status().code() == Code::kDeadlineExceeded);
}

TEMPLATE_TEST_CASE("a handshake that is given up calls nobody", "[tls]", RealWorld, SimWorld) {
  Attempt<TestType> attempt;
  TestServer server(attempt.link.server(), identity());
  attempt.begin(trusting(identity().pem()), "db.example");
  attempt.handshake.reset();
  attempt.link.world.settle();
  CHECK_FALSE(attempt.outcome.has_value());
}

TEMPLATE_TEST_CASE("a first handshake that is given up calls nobody", "[tls]", RealWorld, SimWorld) {
  Attempt<TestType> attempt;
  TestServer server(attempt.link.server(), identity());
  attempt.begin(*ClientContext::create({.verify = false}), "db.example");
  attempt.handshake.reset();
  attempt.link.world.settle();
  CHECK_FALSE(attempt.outcome.has_value());
}

TEMPLATE_TEST_CASE("several first handshakes may begin at a time", "[tls]", RealWorld, SimWorld) {
  const auto context = *ClientContext::create({.verify = false});
  Attempt<TestType> one;
  Attempt<TestType> other;
  TestServer first(one.link.server(), identity());
  TestServer second(other.link.server(), identity());
  one.begin(context, "db.example");
  other.begin(context, "db.example");
  REQUIRE(one.await());
  REQUIRE(other.await());
  CHECK(one.outcome->ok());
  CHECK(other.outcome->ok());
}

/// What the system trusts: a pipe, out of which it comes when the test says so.
class SlowTrust {
 public:
  SlowTrust() : path_(world_.directory() + "/ca.pem") {
    REQUIRE(::mkfifo(path_.c_str(), 0600) == 0);
    ::setenv("SSL_CERT_FILE", path_.c_str(), 1);
    feeder_ = std::thread([this, asked = go_.get_future()] {
      std::ofstream pipe(path_);  // waits for the reader
      reading_ = true;
      // Whoever reads where the test runs would wait for ever; so it gets its text, but late.
      in_time_ = asked.wait_for(10s) == std::future_status::ready;
      pipe << identity().pem();
    });
  }
  ~SlowTrust() {
    ::unsetenv("SSL_CERT_FILE");
    feeder_.join();
  }
  SlowTrust(const SlowTrust&) = delete;
  SlowTrust& operator=(const SlowTrust&) = delete;

  bool is_read() const { return reading_; }
  void hand_out() { go_.set_value(); }
  bool was_asked_in_time() const { return in_time_; }

 private:
  RealWorld world_;
  const std::string path_;
  std::promise<void> go_;
  std::atomic<bool> reading_{false};
  std::atomic<bool> in_time_{false};
  std::thread feeder_;
};

TEST_CASE("the loop goes on while the first handshake's certificates are read", "[tls]") {
  SlowTrust trust;
  Attempt<RealWorld> attempt;
  TestServer server(attempt.link.server(), identity());
  SECTION("which it awaits") {
    attempt.begin(*ClientContext::create({}), "db.example", 1min);
    REQUIRE(attempt.link.world.run_until([&] { return trust.is_read(); }));
    CHECK_FALSE(attempt.outcome.has_value());
    trust.hand_out();
    REQUIRE(attempt.await());
    CHECK(attempt.outcome->ok());
  }
  SECTION("which takes too long") {
    attempt.begin(*ClientContext::create({}), "db.example", 50ms);
    REQUIRE(attempt.await());
    CHECK(attempt.outcome->status().code() == Code::kDeadlineExceeded);
    trust.hand_out();
  }
  attempt.handshake.reset();
  CHECK(trust.was_asked_in_time());
}

/// A client's certificate and key as files.
struct ClientFiles {
  explicit ClientFiles(const TestIdentity& who, const std::string& key) {
    std::ofstream(cert_file()) << who.pem();
    std::ofstream(key_file()) << key;
  }
  std::string cert_file() const { return world.directory() + "/cert.pem"; }
  std::string key_file() const { return world.directory() + "/key.pem"; }
  ClientContext::Options options() const {
    return {.ca_text = identity().pem(), .cert_file = cert_file(), .key_file = key_file()};
  }

  RealWorld world;
};

TEST_CASE("a server that demands it is shown the client's certificate", "[tls]") {
  const TestIdentity client("client");
  const TestIdentity stranger("client");
  TestIdentity strict("db.example");
  strict.demand(client);
  const int which = GENERATE(0, 1, 2);  // the identities themselves are others in each run
  const TestIdentity* const shown = which == 0 ? &client : which == 1 ? &stranger : nullptr;
  Attempt<SimWorld> attempt;
  TestServer server(attempt.link.server(), strict);
  ClientContext::Options options{.ca_text = strict.pem()};
  std::optional<ClientFiles> files;
  if (shown != nullptr) {
    files.emplace(*shown, shown->key_pem());
    options.cert_file = files->cert_file();
    options.key_file = files->key_file();
  }
  attempt.begin(*ClientContext::create(options), "db.example");
  REQUIRE(attempt.await());
  REQUIRE(attempt.outcome->ok());  // in TLS 1.3 the server looks at the client's later
  env::Stream& stream = ***attempt.outcome;
  const std::array<std::string_view, 1> pieces = {"hello"};
  stream.write(pieces, [](const Status&) {});
  env::Reader reader;
  reader.read(stream);
  REQUIRE(attempt.link.world.run_until([&] { return reader.text == "hello" || !reader.failure.ok(); }));
  CAPTURE(reader.failure.message());
  CHECK(reader.failure.ok() == (shown == &client));
  CHECK(server.received() == (shown == &client ? "hello" : ""));
  if (shown == nullptr) {
    CHECK(reader.failure.message().find("certificate required") != std::string_view::npos);
  }
}

TEST_CASE("a client's certificate that cannot be used is refused", "[tls]") {
  const TestIdentity client("client");
  const TestIdentity other("client");
  const auto refused = [](const ClientContext::Options& options) {
    const Status status = ClientContext::create(options).status();
    CHECK(status.code() == Code::kInvalidArgument);
    return std::string(status.message());
  };
  const ClientFiles right(client, client.key_pem());
  CHECK(ClientContext::create(right.options()).ok());
  CHECK(refused({.cert_file = right.cert_file()}) == "both client cert and client key must be provided");
  CHECK(refused({.key_file = right.key_file()}) == "both client cert and client key must be provided");
  CHECK(refused({.cert_file = right.key_file(), .key_file = right.key_file()})
            .starts_with("cannot read the client certificate " + right.key_file()));
  CHECK(refused({.cert_file = right.cert_file(), .key_file = "/nonexistent"})
            .starts_with("cannot use the client key /nonexistent: "));
  CHECK(refused(ClientFiles(client, other.key_pem()).options()).ends_with(": key values mismatch"));
  // Nobody is asked for the passphrase.
  CHECK(refused(ClientFiles(client, client.key_pem("secret")).options())
            .starts_with("cannot use the client key"));
}

TEST_CASE("certificates that cannot be read are refused", "[tls]") {
  CHECK(ClientContext::create({.ca_file = "/nonexistent"}).status().code() == Code::kInvalidArgument);
  CHECK(ClientContext::create({.ca_text = "-----BEGIN NOTHING-----"}).status().code() ==
        Code::kInvalidArgument);
}

}  // namespace
}  // namespace discovery::tls
