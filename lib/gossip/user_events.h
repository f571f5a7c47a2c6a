#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/status.h>

namespace discovery::gossip {

/// What carries a user event through a pool: a message of Serf's (its type 3). Its payload is for those who
/// know the name.
struct UserEventMessage {
  std::uint64_t ltime = 0;  ///< of the sender's clock of events
  std::string name{};
  std::string payload{};
  bool coalesce = false;  ///< of several with this name only the latest counts

  friend bool operator==(const UserEventMessage&, const UserEventMessage&) = default;
};

/// One member's part in the user events of a pool: its Lamport clock, and which events it has seen already,
/// as Serf has it. Pure. Threads: not shared.
class UserEvents {
 public:
  /// An event's name and payload, and the message made of it, may have so many bytes.
  static constexpr std::size_t kMaxBytes = 512;
  /// Events that lie so far back are not looked at any more.
  static constexpr std::size_t kMemory = 512;
  /// Of different events that bear one time, so many are remembered; more are dropped.
  static constexpr std::size_t kMaxAtOneTime = 64;

  /// Makes the next message of this member; the clock moves on. To be handed to receive() as well.
  /// kInvalidArgument with Serf's text if it is too large.
  Result<UserEventMessage> make(std::string name, std::string payload);

  /// Takes a message from anywhere. True if it is new here: then it is to be acted on and passed on.
  bool receive(const UserEventMessage& message);

  /// The time that the next message will bear.
  std::uint64_t time() const noexcept { return clock_; }

  /// How many bytes of MessagePack a message takes in a packet, its type included.
  static std::size_t encoded_size(const UserEventMessage& message);

 private:
  struct Content {
    std::string name, payload;
    friend bool operator==(const Content&, const Content&) = default;
  };
  struct Seen {
    std::uint64_t ltime = 0;  // 0: none yet, the clock begins with 1
    std::vector<Content> events{};
  };

  std::uint64_t clock_ = 1;
  std::array<Seen, kMemory> seen_{};  // by time, modulo its size
};

}  // namespace discovery::gossip
