#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <discovery/types.h>

#include "lib/env/env.h"
#include "lib/health/call_check.h"
#include "lib/health/probe.h"
#include "lib/health/thresholds.h"
#include "lib/health/time_heap.h"

namespace discovery::health {

/// What a run of a check has shown.
struct Report {
  const std::string& check_id;
  /// The state that the check has now; nothing if its thresholds let it stay as it was.
  std::optional<Health> health;
  ProbeResult& seen;
  Duration latency;
  const Thresholds& counts;
};

/// Runs checks at their intervals: HTTP, TCP, scripts, and functions of this program. One timer and one loop
/// serve them all. The first run comes within the first interval, at a random time, so that checks that were
/// registered together don't run together; a run begins an interval after the one before was due, or right
/// after its end. Times are in steps of kSlot: checks that start together cost few wake-ups, here and at
/// their target, and find the caches warm. What else the loop has to do comes between kMaxStarts of them.
///
/// Threads: one, the loop of `env`. Blocks: never, but that the destructor waits for functions that are
/// running, having asked them to stop. Nothing is called after destruction.
class Checker {
 public:
  static constexpr Duration kMinInterval = std::chrono::seconds(1);
  struct Options {
    std::shared_ptr<const tls::ClientContext> tls{};             ///< null: no HTTPS
    std::shared_ptr<const tls::ClientContext> tls_unverified{};  ///< for tls_skip_verify
    Duration min_interval = kMinInterval;                        ///< shorter ones are made so long
  };
  using Reported = UniqueFunction<void(const Report&)>;

  static constexpr Duration kSlot = std::chrono::milliseconds(100);
  static constexpr std::size_t kMaxStarts = 16;
  /// How many probes may be under way; more wait for their turn.
  static constexpr std::size_t kMaxRunning = 1024;
  /// The same of programs and functions.
  static constexpr std::size_t kMaxHeavy = 64;

  /// `env` must outlive it. `reported` may add and remove checks, also the one that it is told of.
  Checker(env::Env& env, const Options& options, Reported reported);
  ~Checker();
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  /// Runs a check, instead of the one that had its id. `spec.id` must be set. kInvalidArgument: it is of no
  /// kind that runs.
  Status add(const model::CheckSpec& spec, std::size_t max_output);
  /// The same for a function.
  void add(CallSpec spec, std::size_t max_output);
  /// Stops a check; fine if there is none.
  void remove(std::string_view id);
  std::size_t size() const noexcept { return checks_.size(); }
  /// Takes what HTTPS needs from now on, as in Options.
  void set_tls(std::shared_ptr<const tls::ClientContext> verified,
               std::shared_ptr<const tls::ClientContext> unverified);

  /// What is known of a check that runs: when its next run begins, or nothing while one is under way.
  struct State {
    std::optional<Duration> next_run;
    Thresholds counts;
  };
  /// Nothing if there is no such check.
  std::optional<State> state(std::string_view id) const;

 private:
  enum class Phase : std::uint8_t { kScheduled, kWaiting, kRunning };
  /// A check; `at` is when the next run is due, or was the one under way.
  struct Entry : Timed {
    std::unique_ptr<Probe> probe;
    Duration interval{};
    Duration began{};  // the run under way
    Thresholds counts;
    Phase phase = Phase::kScheduled;
    bool is_heavy = false;  // a program, or a function
  };
  using Checks = std::map<std::string, Entry, std::less<>>;

  void insert(const std::string& id, std::unique_ptr<Probe> probe, Duration interval,
              const Thresholds& counts, bool is_heavy);
  void schedule(Entry& entry, Duration at);
  void arm();
  void run_due();
  /// Starts a run, or lets it wait until others have ended.
  void begin(Entry& entry);
  void start(Entry& entry);
  void finish(Entry& entry, ProbeResult result);
  void start_waiting();
  void start_waiting(std::deque<std::string>& ids);
  bool may_start(const Entry& entry) const;
  Duration now() const { return env_.clock().monotonic(); }

  env::Env& env_;
  const Duration min_interval_;
  Reported reported_;
  Dialer dialer_;
  ProbeWorld world_;
  std::unique_ptr<env::Timer> timer_;
  std::optional<Duration> armed_;
  Checks checks_;
  TimeHeap due_;
  // Ids; some may have gone. The heavy ones wait apart, since they have a limit of their own.
  std::deque<std::string> waiting_;
  std::deque<std::string> waiting_heavy_;
  std::size_t running_ = 0;
  std::size_t running_heavy_ = 0;
  struct Life {};
  std::shared_ptr<Life> life_ = std::make_shared<Life>();  // what is posted asks for it
};

}  // namespace discovery::health
