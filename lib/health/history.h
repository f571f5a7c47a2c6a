#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/types.h>

namespace discovery::health {

/// The last changes of one check's state. It takes memory only for what has happened. Pure: it is told the
/// time. Threads: a value.
class History {
 public:
  static constexpr std::size_t kMaxTransitions = 100;
  /// Of an output so many bytes are kept.
  static constexpr std::size_t kMaxOutput = 160;

  struct Transition {
    Duration at{};       ///< on the monotonic clock
    Duration latency{};  ///< of the probe; 0 where nothing was probed
    std::int32_t code = 0;
    std::uint32_t consecutive = 0;
    std::uint8_t from = kNone;  ///< indexes of kWords
    std::uint8_t to = kNone;
    std::string output{};
  };
  static constexpr std::string_view kWords[] = {"", "passing", "warning", "critical"};
  static constexpr std::uint8_t kNone = 0;

  /// The index of a state's word; kNone for what is none.
  static std::uint8_t index_of(std::string_view state);

  /// Adds a change, and forgets the oldest when there are too many. The output is cut.
  void add(Transition transition);
  /// The oldest first.
  std::vector<Transition> list() const;
  /// How many were forgotten.
  std::uint64_t forgotten() const noexcept { return forgotten_; }

 private:
  std::vector<Transition> ring_;  // full: the oldest stands where forgotten_ points to
  std::uint64_t forgotten_ = 0;
};

}  // namespace discovery::health
