#include "lib/api/stack_thread.h"

#include <future>
#include <system_error>
#include <utility>

namespace discovery::api {

Result<std::unique_ptr<StackThread>> StackThread::start(const Environment& environment, MakeStack make,
                                                        Hooks hooks) {
  auto env = env::AsioEnv::create(environment);
  if (!env.ok()) return env.status();
  std::unique_ptr<StackThread> self(new StackThread(*std::move(env), std::move(hooks)));
  std::promise<Status> started;
  self->env_->post([&, raw = self.get()] {
    Status status = raw->build(make);
    if (!status.ok()) raw->env_->stop();
    started.set_value(std::move(status));
  });
  try {
    self->thread_ = std::thread([raw = self.get()] {
      raw->env_->run();
      raw->stack_.reset();
    });
  } catch (const std::system_error& error) {
    return Status(Code::kResourceExhausted, std::string("the system gives no thread: ") + error.what());
  }
  if (Status status = started.get_future().get(); !status.ok()) return status;
  return self;
}

Status StackThread::build(MakeStack& make) {
  auto stack = make(*env_);
  if (!stack.ok()) return stack.status();
  stack_ = *std::move(stack);
  if (Status status = stack_->start(); !status.ok()) return status;
  if (hooks_.begin) hooks_.begin(*env_, *stack_);
  return {};
}

StackThread::~StackThread() {
  if (!thread_.joinable()) return;
  env_->post([this] { stop(); });
  thread_.join();
}

void StackThread::stop() {
  if (!stack_) return env_->stop();
  if (hooks_.end) hooks_.end();
  // Stopped in a turn of its own: what was posted before, such as somebody's last words, is still run.
  stack_->shutdown(kStopGrace, [this] { env_->post([this] { env_->stop(); }); });
}

void StackThread::post(UniqueFunction<void(AgentStack&)> task) {
  env_->post([this, task = std::move(task)]() mutable {
    if (stack_) task(*stack_);
  });
}

}  // namespace discovery::api
