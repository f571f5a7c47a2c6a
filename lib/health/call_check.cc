#include "lib/health/call_check.h"

#include <exception>
#include <utility>

#include "lib/base/duration.h"
#include "lib/health/ttl_check.h"

namespace discovery::health {
namespace {

/// Functions that run or wait for a thread; those that have outlived their timeout included.
constexpr std::size_t kMaxCalls = 256;

class CallProbe;

/// One call. Shared by the loop and the thread that calls.
struct Run {
  std::stop_source stop;
  Status seen;                 // written by the one thread, read on the loop when the call has ended
  CallProbe* owner = nullptr;  // the loop's; null: the probe is gone
  bool ended = false;          // the loop's
};

Status guarded(const CallFunction& function, std::stop_token stop) {
  try {
    return function(std::move(stop));
  } catch (const std::exception& error) {
    return {Code::kInternal, std::string("exception: ") + error.what()};
  } catch (...) {
    return {Code::kInternal, "exception of an unknown type"};
  }
}

class CallProbe final : public Probe {
 public:
  CallProbe(ProbeWorld& world, CallFunction function, Duration timeout, std::size_t max_output)
      : world_(world),
        function_(std::make_shared<const CallFunction>(std::move(function))),
        timeout_(timeout),
        max_output_(max_output),
        timer_(world.env.make_timer()) {}
  CallProbe(const CallProbe&) = delete;
  CallProbe& operator=(const CallProbe&) = delete;
  ~CallProbe() override {
    if (!run_) return;
    run_->owner = nullptr;
    run_->stop.request_stop();
  }

  void start(Done done) override {
    done_ = std::move(done);
    if (run_ && !run_->ended) return end_soon("the call before has not ended, though it was asked to stop");
    run_ = std::make_shared<Run>();
    run_->owner = this;
    Status begun = world_.callers->run(
        [run = run_, function = function_] {
          if (!run->stop.stop_requested()) run->seen = guarded(*function, run->stop.get_token());
        },
        [run = run_] {
          run->ended = true;
          if (run->owner != nullptr) run->owner->ended();
        });
    if (!begun.ok()) {
      run_.reset();
      return end_soon(std::string(begun.message()));
    }
    if (timeout_ > Duration::zero()) timer_->start(timeout_, [this] { time_out(); });
  }

 private:
  void end_soon(std::string why) {
    timer_->start(Duration::zero(), [this, why = std::move(why)]() mutable { end(Health::kCritical, why); });
  }

  void time_out() {
    run_->stop.request_stop();
    end(Health::kCritical,
        "Timed out (" + base::format_go_duration(timeout_) + ") calling the check's function");
  }

  void ended() {
    if (!done_) return;  // too late
    const Code code = run_->seen.code();
    end(code == Code::kOk                  ? Health::kPassing
        : code == Code::kResourceExhausted ? Health::kWarning
                                           : Health::kCritical,
        run_->seen.message());
  }

  void end(Health health, std::string_view output) {
    timer_->cancel();
    Done done = std::move(done_);
    done_ = nullptr;
    done({health, 0, cut_output(output, max_output_)});  // may destroy this
  }

  ProbeWorld& world_;
  const std::shared_ptr<const CallFunction> function_;
  const Duration timeout_;
  const std::size_t max_output_;
  std::unique_ptr<env::Timer> timer_;
  std::shared_ptr<Run> run_;  // the latest
  Done done_;
};

}  // namespace

std::unique_ptr<Probe> make_call_probe(ProbeWorld& world, CallFunction function, Duration timeout,
                                       std::size_t max_output) {
  if (!world.callers) world.callers = world.env.make_waiting_workers(kMaxCalls);
  return std::make_unique<CallProbe>(world, std::move(function), timeout, max_output);
}

}  // namespace discovery::health
