#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <utility>

#include <discovery/async.h>
#include <discovery/env.h>
#include <discovery/types.h>

#include "lib/api/function_checks.h"
#include "lib/env/env.h"
#include "lib/model/backend.h"
#include "lib/model/event.h"
#include "lib/model/local_agent.h"

namespace discovery::api {

/// How a call that was given up ends.
enum class CallKind : std::uint8_t {
  kRead,   ///< kDeadlineExceeded or kCancelled: nothing was changed
  kWrite,  ///< kUnknownOutcome: it may still happen
};

class AgentCore;

/// A callback of the host has thrown, right now: the log is told. `core` may be null.
void report_thrown(const AgentCore* core) noexcept;

/// The right and the duty to answer one call: its callback runs exactly once, on the executor of who called.
/// Dropping it unanswered says that the agent has stopped. Threads: the loop's, but for that.
template <class T>
class Completion {
 public:
  using Callback = typename Async<T>::Callback;

  /// The answer comes on `host`, or, if that is null, where it is given.
  Completion(std::shared_ptr<Executor> host, std::shared_ptr<const AgentCore> core, Callback done)
      : state_(std::make_shared<State>(std::move(host), std::move(core), std::move(done))) {}
  Completion(Completion&&) noexcept = default;
  Completion& operator=(Completion&&) = delete;
  ~Completion() {
    if (state_) state_->finish(Status(Code::kCancelled, "the agent has stopped"));
  }

  void operator()(Result<T> result) { std::exchange(state_, nullptr)->finish(std::move(result)); }

  /// Is told, on the loop, when the caller has got its answer before by limit().
  void on_given_up(UniqueFunction<void()> told) { state_->given_up = std::move(told); }

  /// Answers for whoever answers too late.
  void limit(env::Env& env, const Call& call, CallKind kind) {
    const bool write = kind == CallKind::kWrite;
    if (call.timeout > Duration::zero()) {
      state_->timer = env.make_timer();
      state_->timer->start(call.timeout, [weak = std::weak_ptr(state_), write] {
        if (const auto state = weak.lock())
          state->give_up(Status(write ? Code::kUnknownOutcome : Code::kDeadlineExceeded,
                                "no answer in the time that the call was given"));
      });
    }
    if (!call.stop.stop_possible()) return;
    state_->stop.emplace(call.stop, [weak = std::weak_ptr(state_), write, &env] {
      env.post([weak, write] {
        if (const auto state = weak.lock())
          state->give_up(Status(write ? Code::kUnknownOutcome : Code::kCancelled, "the caller has given up"));
      });
    });
  }

 private:
  struct State {
    State(std::shared_ptr<Executor> executor, std::shared_ptr<const AgentCore> agent, Callback callback)
        : host(std::move(executor)), core(std::move(agent)), done(std::move(callback)) {}

    void finish(Result<T> result) {
      if (!done) return;
      Callback callback = std::move(done);
      done = nullptr;
      timer.reset();
      stop.reset();
      if (!host) {
        try {
          callback(std::move(result));
        } catch (...) {
          report_thrown(core.get());
        }
        return;
      }
      struct Held {
        Callback callback;
        Result<T> result;
      };
      auto held = std::make_shared<Held>(Held{std::move(callback), std::move(result)});
      host->post([held] { held->callback(std::move(held->result)); });
    }

    void give_up(Status status) {
      UniqueFunction<void()> told = std::move(given_up);
      given_up = nullptr;
      finish(std::move(status));
      if (told) told();
    }

    const std::shared_ptr<Executor> host;
    const std::shared_ptr<const AgentCore> core;
    Callback done;
    UniqueFunction<void()> given_up;
    std::unique_ptr<env::Timer> timer;
    std::optional<std::stop_callback<std::function<void()>>> stop;
  };
  std::shared_ptr<State> state_;
};

/// What hangs on a running agent and must end before it does.
class Attached {
 public:
  virtual ~Attached() = default;
  /// The agent stops. Threads: the loop's.
  virtual void end() = 0;
};

/// What all handles of one agent share: the way to its loop, as long as there is one.
class AgentCore : public std::enable_shared_from_this<AgentCore> {
 public:
  /// What handles ask. Used on the loop only.
  struct Parts {
    env::Env* env = nullptr;
    model::Backend* backend = nullptr;
    model::LocalAgent* local = nullptr;
    model::EventBus* events = nullptr;
    bool in_process = true;  ///< whether the state is in this process
  };

  /// Completions run on `host`; without one, on the loop.
  static std::shared_ptr<AgentCore> create(std::shared_ptr<Executor> host);

  /// The agent is there. Threads: the loop's.
  void attach(Parts parts);
  /// The agent goes: ends what hangs on it; no more calls come through. Threads: the loop's.
  void detach();

  /// Runs `task` on the loop; false, and nothing, where there is none any more. Threads: any.
  bool post(UniqueFunction<void()> task);
  bool on_loop() const;
  /// The loop's monotonic clock; nothing where there is no loop. Threads: any.
  std::optional<Duration> monotonic() const;
  /// Where callbacks run. Threads: any.
  const std::shared_ptr<Executor>& executor() const noexcept { return executor_; }

  /// Threads: the loop's.
  const Parts& parts() const noexcept { return parts_; }
  FunctionChecks& function_checks();
  void add(Attached& attached) { attached_.insert(&attached); }
  void remove(Attached& attached) { attached_.erase(&attached); }

  /// A call: runs `work(parts, completion)` on the loop, and limits how long it may take.
  template <class T, class Work>
  Async<T> ask(const Call& call, CallKind kind, Work work) {
    auto begin = [core = shared_from_this(), call, kind,
                  work = std::move(work)](typename Async<T>::Callback done) mutable {
      if (call.stop.stop_requested()) return done(Status(Code::kCancelled, "the caller has given up"));
      core->begin<T>(call, kind, std::move(work), Completion<T>(core->host_, core, std::move(done)));
    };
    return Async<T>::pending(std::move(begin), executor_);
  }

 private:
  explicit AgentCore(std::shared_ptr<Executor> host) : host_(std::move(host)) {}

  template <class T, class Work>
  void begin(const Call& call, CallKind kind, Work work, Completion<T> completion) {
    (void)post([core = this, self = shared_from_this(), call, kind, work = std::move(work),
                completion = std::move(completion)]() mutable {
      completion.limit(*core->parts_.env, call, kind);
      work(core->parts_, std::move(completion));
    });
  }

  const std::shared_ptr<Executor> host_;
  std::shared_ptr<Executor> executor_;
  mutable std::mutex mutex_;
  env::Env* env_ = nullptr;  ///< guarded by the mutex; null: there is no loop (any more)
  Parts parts_;
  std::unique_ptr<FunctionChecks> function_checks_;  // made when there is one
  std::set<Attached*> attached_;
};

}  // namespace discovery::api
