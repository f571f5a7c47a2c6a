#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "lib/env/env.h"
#include "lib/http1/handler.h"
#include "lib/http1/intrusive_list.h"
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
  ServerState(env::Env& world, const ServerOptions& limits, Handler& requests)
      : env(world), handler(requests), options(limits) {}

  /// Reads the clocks. Called each kTick, and before a first connection.
  void refresh();
  /// Sets what `link`'s connection waits for; it ends up to two ticks after its timeout.
  void wait_for(Wait what, ListLink<Connection>& link, Duration& deadline);
  Duration timeout_of(Wait what) const noexcept;

  /// Whether an address may have one connection more. Empty is no address and always may.
  bool has_room_for(const std::string& address) const;
  /// A connection begins and ends.
  void joined(ListLink<Connection>& link, const std::string& address);
  void left(ListLink<Connection>& link, const std::string& address);
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
  IntrusiveList<Connection> connections;
  IntrusiveList<Connection> orphans;                    // closed, but a Responder still leads to them
  std::array<IntrusiveList<Connection>, kWaits> waits;  ///< each in the order of its deadlines
  std::array<char, 65536> discarded;                    ///< where bytes go that nobody wants

  static constexpr Duration kTick = std::chrono::milliseconds(250);
  static constexpr Duration kLingerTimeout = std::chrono::seconds(5);

 private:
  static constexpr std::size_t kKept = 256;
  static constexpr std::size_t kLargestKeptOutput = 16384;

  std::chrono::system_clock::time_point date_of_;
  absl::flat_hash_map<std::string, std::size_t> per_address_;
  std::vector<std::unique_ptr<Incoming>> incoming_;
  std::vector<std::string> outputs_;
};

}  // namespace discovery::http1
