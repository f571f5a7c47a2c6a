#pragma once

/// \file
/// What the tests of DNS share: queries, a clock that stands still, and readable answers.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <discovery/env.h>

#include "lib/dns/message.h"
#include "lib/dns/responder.h"
#include "tests/dns/fake_backend.h"

namespace discovery::dns {

struct FixedClock final : Clock {
  static constexpr std::int64_t kUnixTime = 1'700'000'000;
  Duration monotonic() override { return {}; }
  std::chrono::system_clock::time_point wall() override {
    return std::chrono::system_clock::time_point(std::chrono::seconds(kUnixTime));
  }
};

inline DomainName name(std::string_view text) { return DomainName::parse(text).value(); }

inline Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// How a test asks.
struct Asking {
  Transport transport = Transport::kUdp;
  std::optional<std::uint16_t> edns{};
  std::uint16_t flags = kRecursionDesiredFlag;
  std::string subnet{};  ///< data of a client subnet option
  std::uint16_t id = 0x1234;
  std::uint16_t question_class = kClassInternet;
};

/// The bytes of a query.
inline std::string make_query(std::string_view qname, Type type, const Asking& how = {}) {
  Message message;
  message.id = how.id;
  message.flags = how.flags;
  message.questions.push_back({name(qname), type, how.question_class});
  if (how.edns) {
    std::string option;
    if (!how.subnet.empty()) {
      const auto size = static_cast<char>(how.subnet.size());
      option = std::string("\0\x08\0", 3) + size + how.subnet;
    }
    message.additional.push_back({DomainName(), Type::kOpt, *how.edns, 0, RawData{option}});
  }
  return encode(message, false);
}

/// A record on one line: "owner ttl TYPE data".
std::string to_text(const Record& record);
/// A section, sorted.
std::vector<std::string> to_texts(const std::vector<Record>& section);

/// A responder over a catalog, and a client that talks to it.
class Service {
 public:
  explicit Service(Options options = {}) { start(std::move(options)); }

  void start(Options options) {
    responder.reset();
    zone = std::make_shared<const Zone>(*Zone::make(std::move(options)));
    responder =
        std::make_unique<Responder>(ResponderSetup{zone, &backend, &clock, nullptr, 42}, [this] { ++wakes; });
  }

  /// The bytes of the answer; empty for none. The backend must answer at once.
  std::string raw(const std::string& query, Transport transport = Transport::kUdp) {
    const auto outcome = responder->respond(bytes_of(query), transport, buffer);
    return {buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(outcome.size)};
  }
  Message ask(std::string_view qname, Type type, const Asking& how = {}) {
    return decode(bytes_of(last = raw(make_query(qname, type, how), how.transport))).ok()
               ? *decode(bytes_of(last))
               : Message{};
  }

  FakeBackend backend;
  FixedClock clock;
  std::shared_ptr<const Zone> zone;
  std::unique_ptr<Responder> responder;
  std::vector<std::uint8_t> buffer = std::vector<std::uint8_t>(kMaxMessageBytes);
  std::string last;  ///< the bytes of ask()'s answer
  int wakes = 0;
};

}  // namespace discovery::dns
