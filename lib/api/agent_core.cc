#include "lib/api/agent_core.h"

#include <exception>
#include <string>

namespace discovery::api {
namespace {

/// The loop of an agent, as an executor.
class LoopExecutor final : public Executor {
 public:
  explicit LoopExecutor(std::weak_ptr<AgentCore> core) : core_(std::move(core)) {}

  void post(std::function<void()> task) override {
    const auto core = core_.lock();
    if (!core) return;
    (void)core->post([task = std::move(task), weak = core_] {
      try {
        task();
      } catch (...) {
        report_thrown(weak.lock().get());
      }
    });
  }
  bool running_in_this_thread() const noexcept override {
    const auto core = core_.lock();
    return core && core->on_loop();
  }

 private:
  const std::weak_ptr<AgentCore> core_;
};

}  // namespace

void report_thrown(const AgentCore* core) noexcept {
  if (core == nullptr || core->parts().env == nullptr || !core->on_loop()) return;
  LogSink& log = core->parts().env->log();
  try {
    throw;
  } catch (const std::exception& thrown) {
    log.write(Level::kError, "api", std::string("a callback has thrown: ") + thrown.what());
  } catch (...) {
    log.write(Level::kError, "api", "a callback has thrown something");
  }
}

std::shared_ptr<AgentCore> AgentCore::create(std::shared_ptr<Executor> host) {
  std::shared_ptr<AgentCore> core(new AgentCore(host));
  core->executor_ = host ? std::move(host) : std::make_shared<LoopExecutor>(core);
  return core;
}

void AgentCore::attach(Parts parts) {
  parts_ = parts;
  const std::lock_guard lock(mutex_);
  env_ = parts.env;
}

FunctionChecks& AgentCore::function_checks() {
  if (!function_checks_) function_checks_ = std::make_unique<FunctionChecks>(*parts_.env, *parts_.local);
  return *function_checks_;
}

void AgentCore::detach() {
  function_checks_.reset();
  while (!attached_.empty()) {
    Attached* attached = *attached_.begin();
    attached_.erase(attached_.begin());
    attached->end();
  }
  const std::lock_guard lock(mutex_);
  env_ = nullptr;
}

bool AgentCore::post(UniqueFunction<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (env_ != nullptr) {
      env_->post(std::move(task));
      return true;
    }
  }
  task = nullptr;  // not under the lock: it may answer somebody who asks again
  return false;
}

bool AgentCore::on_loop() const {
  const std::lock_guard lock(mutex_);
  return env_ != nullptr && env_->on_loop();
}

std::optional<Duration> AgentCore::monotonic() const {
  const std::lock_guard lock(mutex_);
  if (env_ == nullptr) return std::nullopt;
  return env_->clock().monotonic();
}

}  // namespace discovery::api
