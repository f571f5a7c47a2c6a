#include <deque>
#include <map>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include <discovery/health_checker.h>

#include "lib/api/change_delivery.h"
#include "lib/api/check_runner.h"
#include "lib/env/asio_env.h"
#include "lib/health/history.h"

namespace discovery::inline v0 {
namespace {

Status no_such_check(std::uint64_t id) {
  return {Code::kNotFound, "there is no check " + std::to_string(id)};
}

}  // namespace

/// The loop's thread owns the runner; what is known of the checks is in a table that all threads read.
class HealthChecker::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(std::unique_ptr<env::AsioEnv> env, const Environment& host) : env_(std::move(env)) {
    api::ChangeDelivery::Post post;
    if (host.executor) {
      post = [executor = host.executor](std::function<void()> task) { executor->post(std::move(task)); };
    } else {
      post = [this](std::function<void()> task) { env_->post(std::move(task)); };
    }
    delivery_ = std::make_shared<api::ChangeDelivery>(std::move(post), host.log);
  }

  Status start() {
    env_->post([this] {
      runner_ = std::make_unique<api::CheckRunner>(
          *env_, [this](api::CheckRunner::Seen seen) { take(std::move(seen)); });
    });
    try {
      thread_ = std::thread([self = shared_from_this()] {
        self->env_->run();
        self->runner_.reset();
      });
    } catch (const std::system_error& error) {
      return {Code::kResourceExhausted, std::string("the system gives no thread: ") + error.what()};
    }
    return {};
  }

  void stop() {
    delivery_->close();
    if (env_->on_loop()) {  // from within a callback: the thread ends by itself, and what is here with it
      thread_.detach();
      return env_->stop();
    }
    env_->post([this] {
      runner_.reset();
      env_->stop();
    });
    thread_.join();
  }

  std::uint64_t add(CheckSpec check) {
    CheckChange added{.name = check.name, .to = check.initial, .at = env_->clock().wall()};
    Known known{check.name, std::holds_alternative<TtlCheck>(check.probe), {}, {}};
    known.state.health = check.initial;
    known.state.since = added.at;
    {
      const std::lock_guard lock(mutex_);
      added.id = ++last_id_;
      known.history.push_back(added);
      known_.emplace(added.id, std::move(known));
    }
    const std::uint64_t id = added.id;
    delivery_->push(std::move(added));
    env_->post([this, id, check = std::move(check)] { runner_->add(id, check); });
    return id;
  }

  void remove(std::uint64_t id) {
    {
      const std::lock_guard lock(mutex_);
      if (known_.erase(id) == 0) return;
    }
    delivery_->drop(id);
    env_->post([this, id] { runner_->remove(id); });
  }

  Result<CheckState> status(std::uint64_t id) const {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(id);
    if (found == known_.end()) return no_such_check(id);
    return found->second.state;
  }

  Result<std::vector<CheckChange>> history(std::uint64_t id) const {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(id);
    if (found == known_.end()) return no_such_check(id);
    return std::vector<CheckChange>(found->second.history.begin(), found->second.history.end());
  }

  Status report(std::uint64_t id, Health health, std::string output) {
    if (health == Health::kMaintenance) return invalid_argument("a check cannot be in maintenance");
    {
      const std::lock_guard lock(mutex_);
      const auto found = known_.find(id);
      if (found == known_.end()) return no_such_check(id);
      if (!found->second.is_ttl)
        return {Code::kFailedPrecondition, "check " + std::to_string(id) + " is not a TTL check"};
    }
    env_->post([this, id, health, output = std::move(output)]() mutable {
      runner_->report(id, health, std::move(output));
    });
    return {};
  }

  void on_change(std::function<void(const CheckChange&)> changed) { delivery_->set(std::move(changed)); }

 private:
  struct Known {
    std::string name;
    bool is_ttl = false;
    CheckState state;
    std::deque<CheckChange> history;
  };

  /// Threads: the loop's.
  void take(api::CheckRunner::Seen seen) {
    CheckChange change{.id = seen.id, .at = env_->clock().wall(), .latency = seen.latency};
    {
      const std::lock_guard lock(mutex_);
      const auto found = known_.find(seen.id);
      if (found == known_.end()) return;
      Known& known = found->second;
      known.state.output = seen.output;
      known.state.latency = seen.latency;
      if (!seen.health || *seen.health == known.state.health) return;
      change.name = known.name;
      change.from = known.state.health;
      change.to = *seen.health;
      change.output = seen.output.substr(0, health::History::kMaxOutput);
      known.state.health = change.to;
      known.state.since = change.at;
      if (known.history.size() == health::History::kMaxTransitions) known.history.pop_front();
      known.history.push_back(change);
    }
    delivery_->push(std::move(change));
  }

  const std::unique_ptr<env::AsioEnv> env_;
  std::shared_ptr<api::ChangeDelivery> delivery_;
  std::unique_ptr<api::CheckRunner> runner_;  ///< the loop's
  std::thread thread_;
  mutable std::mutex mutex_;  ///< guards all below
  std::map<std::uint64_t, Known> known_;
  std::uint64_t last_id_ = 0;
};

Result<std::unique_ptr<HealthChecker>> HealthChecker::start(const Environment& environment) {
  auto env = env::AsioEnv::create(environment);
  if (!env.ok()) return env.status();
  auto impl = std::make_shared<Impl>(*std::move(env), environment);
  if (Status started = impl->start(); !started.ok()) return started;
  return std::unique_ptr<HealthChecker>(new HealthChecker(std::move(impl)));
}

HealthChecker::HealthChecker(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
HealthChecker::~HealthChecker() { impl_->stop(); }

Result<std::uint64_t> HealthChecker::add(CheckSpec check) {
  if (Status valid = api::validate(check); !valid.ok()) return valid;
  return impl_->add(std::move(check));
}

void HealthChecker::remove(std::uint64_t id) noexcept {
  try {
    impl_->remove(id);
  } catch (const std::bad_alloc&) {  // it runs on, but nobody hears of it any more
    return;
  }
}
Result<CheckState> HealthChecker::status(std::uint64_t id) const { return impl_->status(id); }
Result<std::vector<CheckChange>> HealthChecker::history(std::uint64_t id) const { return impl_->history(id); }

Status HealthChecker::report(std::uint64_t id, Health health, std::string output) {
  return impl_->report(id, health, std::move(output));
}

void HealthChecker::on_change(std::function<void(const CheckChange&)> changed) {
  impl_->on_change(std::move(changed));
}

}  // namespace discovery::inline v0
