#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "lib/base/intrusive_list.h"
#include "lib/env/env.h"
#include "lib/http1/handler.h"
#include "lib/http1/parser.h"
#include "lib/http1/read_buffer.h"
#include "lib/http1/server.h"

namespace discovery::http1 {

class Connection;

/// A request while it comes in and until its handler has returned.
struct Incoming {
  std::vector<Header> fields;
  Request request;
  RequestHead head;
  BodyDecoder decoder;
  std::size_t head_size = 0;
};

/// What a connection waits for, each with its own timeout.
enum class Wait : std::uint8_t { kNothing, kRequest, kHead, kBody, kWrite, kLinger };
constexpr std::size_t kWaits = 6;

/// What the connections of one server share: limits, counters, memory that is used again and again, and one
/// coarse clock for all timeouts.
class ServerState {
 public:
  ServerState(env::Env& world, const ServerOptions& limits, Handler& requests);

  /// Reads the clocks. Called each kTick, and before a first connection.
  void refresh();
  /// Sets what `link`'s connection waits for; it ends up to two ticks after its timeout.
  void wait_for(Wait what, base::ListLink<Connection>& link, Duration& deadline);
  Duration timeout_of(Wait what) const noexcept;

  /// Whether an address may have one connection more. Empty is no address and always may.
  bool has_room_for(const std::string& address) const;
  /// A connection begins and ends.
  void joined(base::ListLink<Connection>& link, const std::string& address);
  void left(base::ListLink<Connection>& link, const std::string& address);
  /// A connection waits for a client that is not served: to hear why, but not for long if there are many.
  void refuses(base::ListLink<Connection>& link);
  void refused(base::ListLink<Connection>& link);
  /// Ends the connection that has been idle for longest. False if none is.
  bool push_out_idle();

  /// What `link`'s connection holds of a request that comes in: `held` until now, `bytes` from now on. If all
  /// hold too much, some are cut off before another one reads on, or else soon.
  void holds(base::ListLink<Connection>& link, std::size_t& held, std::size_t bytes);
  /// To be called before `reader`, who is not in the middle of anything, holds more. Does not cut `reader`
  /// off.
  void before_more_comes(const Connection& reader) {
    if (room_wanted_) make_room_for_incoming(&reader);
  }
  /// Whether a large answer may go out. Cuts slow ones off to make room for it.
  bool has_room_to_send(std::string_view body);
  /// A large answer begins to go out, goes on to its next slice, and ends.
  void sends(base::ListLink<Connection>& link, std::string_view body);
  void sends_on(base::ListLink<Connection>& link) { outgoing_.push_back(link); }
  void sent(base::ListLink<Connection>& link, std::string_view body);

  /// After std::bad_alloc: makes some memory free, with which the rest of a turn and an answer can be made.
  void free_reserve() noexcept { reserve_.reset(); }

  /// Calls `on_empty`, once.
  void report_empty();

  std::unique_ptr<Incoming> take_incoming();
  void give_back(std::unique_ptr<Incoming> incoming);
  std::string take_output();
  void give_back(std::string output);

  env::Env& env;
  Handler& handler;
  ServerOptions options;
  ServerCounters counters;
  bool closing = false;
  UniqueFunction<void()> on_empty;  ///< called when the last connection has ended
  BufferPool buffers;
  std::string date;
  Duration now{};
  base::IntrusiveList<Connection> connections;
  base::IntrusiveList<Connection> orphans;                    // closed, but a Responder still leads to them
  std::array<base::IntrusiveList<Connection>, kWaits> waits;  ///< each in the order of its deadlines
  std::array<char, 65536> discarded;                          ///< where bytes go that nobody wants

  static constexpr Duration kTick = std::chrono::milliseconds(250);
  /// For the client to end its side after the last answer, whatever it still sends.
  static constexpr Duration kLingerTimeout = std::chrono::seconds(5);
  /// A client that takes longer for one slice of a large answer is slow.
  static constexpr Duration kSlowSlice = std::chrono::seconds(1);

 private:
  void make_room_for_incoming(const Connection* spared);

  static constexpr std::size_t kKept = 256;
  static constexpr std::size_t kLargestKeptOutput = 16384;
  static constexpr std::size_t kMostKeptOfBodies = 2U << 20;
  static constexpr std::size_t kReserve = 64U
                                          << 10;  // small enough to come from where small pieces come from

  std::chrono::system_clock::time_point date_of_;
  absl::flat_hash_map<std::string, std::size_t> per_address_;
  std::vector<std::unique_ptr<Incoming>> incoming_;
  std::size_t kept_bodies_ = 0;  // the memory of bodies in incoming_
  std::vector<std::string> outputs_;
  base::IntrusiveList<Connection> refused_;
  std::size_t refused_count_ = 0;
  base::IntrusiveList<Connection> incoming_large_;         // in the order in which they began
  base::IntrusiveList<Connection> outgoing_;               // in the order in which their present slices began
  absl::flat_hash_map<const char*, std::size_t> senders_;  // of each large body, by where it is
  std::unique_ptr<env::Timer> room_;
  bool room_wanted_ = false;
  std::unique_ptr<char[]> reserve_;
};

}  // namespace discovery::http1
