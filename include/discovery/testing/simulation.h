#pragma once

/// \file
/// A simulated world for tests: whole agents on simulated machines, in one thread, under virtual time, with a
/// network and disks that fail on demand. An hour costs milliseconds, no port is opened, nothing is slept
/// for, and one seed makes one history: a failure found once can be looked at again.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <discovery/agent.h>
#include <discovery/async.h>
#include <discovery/export.h>
#include <discovery/status.h>
#include <discovery/types.h>

namespace discovery::testing::inline v0 {

/// What lies between two machines. Probabilities are from 0 to 1, per datagram or segment of a stream.
struct Link {
  Duration min_delay = std::chrono::microseconds(100);  ///< one way; uniform between the two
  Duration max_delay = std::chrono::microseconds(500);
  double loss = 0;       ///< datagrams vanish; what streams lose comes late, as if it was sent again
  double duplicate = 0;  ///< datagrams come twice
  double reorder = 0;    ///< datagrams are overtaken
};

/// How a machine's disk fails. Probabilities as above.
struct Disk {
  std::size_t capacity = SIZE_MAX;  ///< bytes; what does not fit is refused with kResourceExhausted
  double fail_read = 0;
  double fail_write = 0;     ///< nothing is changed then
  double lose_at_crash = 0;  ///< written, but not synced: a crash undoes it
};

/// The world. Its agents, and all handles on them that still wait, go before it.
///
/// Threads: one, for the world and for all that lives in it. Blocks: never; calls that let time pass run the
/// world's events, callbacks of agents among them. Nothing happens between such calls, so Async::get() would
/// wait for ever (it says kFailedPrecondition): use wait().
class DISCOVERY_EXPORT Simulation {
 public:
  explicit Simulation(std::uint64_t seed = 1);
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  /// Starts an agent on a machine, which is made by its first mention; it is the agent's node unless the
  /// options name another. Agents find other machines by their names: `.remote_urls = {"http://one:8500"}`.
  /// Errors as Agent::start(); the agent is ready at once.
  Result<std::unique_ptr<Agent>> start(AgentOptions options = {}, const std::string& machine = "one");

  /// Lets time pass until an operation is done, at most `limit`: then kDeadlineExceeded.
  template <class T>
  Result<T> wait(Async<T> operation, Duration limit = std::chrono::minutes(1)) {
    const auto result = std::make_shared<std::optional<Result<T>>>();
    std::move(operation).then([result](Result<T> value) { result->emplace(std::move(value)); });
    if (!run_until([&] { return result->has_value(); }, limit))
      return Status(Code::kDeadlineExceeded, "the operation was not done in the virtual time it was given");
    return std::move(**result);
  }

  /// Virtual time since the world began.
  Duration now() const noexcept;
  /// Lets so much time pass.
  void run_for(Duration span);
  /// Lets time pass until `reached` is true, at most `limit`; returns whether it is.
  bool run_until(const std::function<bool()>& reached, Duration limit = std::chrono::minutes(1));
  /// A digest of all that has happened: equal for equal histories.
  std::uint64_t trace() const noexcept;

  /// How all machines, or two, are linked from now on.
  void set_link(const Link& link);
  void set_link(const std::string& a, const std::string& b, const Link& link);
  /// Nothing passes between two machines any more, or all does again.
  void cut(const std::string& a, const std::string& b);
  void mend(const std::string& a, const std::string& b);
  /// Takes the power from an agent's machine, and gives it back: what the disk had not synced is gone,
  /// others' connections to it break. The agent goes without a word; start another one.
  void crash(std::unique_ptr<Agent> agent);
  /// Stops everything on a machine for a while, as SIGSTOP or a frozen virtual machine does; its clocks run
  /// on, and what comes meanwhile over the network waits. Then it goes on: what fell due happens late, in the
  /// order in which it fell due. Call nothing on its agents and handles meanwhile: a stopped program does
  /// not.
  void pause(const std::string& machine, Duration span);
  /// Whether it is stopped. `run_until([&] { return !world.paused("one"); })` comes back when its program is
  /// to go on and has heard of nothing yet: what is asked then shows what it would have acted on.
  bool paused(const std::string& machine) const;
  /// How a machine's disk fails from now on.
  void set_disk(const std::string& machine, const Disk& disk);
  /// Sets how far a machine's time of day is off. Its monotonic clock runs true.
  void set_wall_skew(const std::string& machine, Duration skew);
  /// What a machine has logged, the last lines of it, as "LEVEL unit: message".
  std::vector<std::string> log(const std::string& machine) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace discovery::testing::inline v0
