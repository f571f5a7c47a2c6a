#include "lib/api/stack_thread.h"

#include <exception>
#include <future>
#include <string>
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
    self->thread_ = std::thread([raw = self.get(), on_fatal = environment.on_fatal] { raw->run(on_fatal); });
  } catch (const std::system_error& error) {
    return Status(Code::kResourceExhausted, std::string("the system gives no thread: ") + error.what());
  }
  if (Status status = started.get_future().get(); !status.ok()) return status;
  return self;
}

void StackThread::run(const std::function<void(Status)>& on_fatal) {
  Status broken;
  try {
    env_->run();
  } catch (const std::exception& thrown) {
    broken = Status(Code::kInternal, std::string("the agent is broken and has stopped: ") + thrown.what());
  } catch (...) {
    broken = Status(Code::kInternal, "the agent is broken and has stopped");
  }
  if (!broken.ok()) {
    env_->log().write(Level::kError, "api", broken.message());
    if (stack_ && hooks_.end) hooks_.end();
  }
  stack_.reset();
  if (!broken.ok() && on_fatal) on_fatal(std::move(broken));
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
