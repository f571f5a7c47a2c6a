#include "lib/api/remote_stack.h"

#include <utility>

namespace discovery::api {

Status RemoteStack::start() {
  auto backend = remote::RemoteBackend::create(env_, std::move(options_));
  if (!backend.ok()) return backend.status();
  backend_ = *std::move(backend);
  agent_ = std::make_unique<remote::RemoteAgent>(env_, *backend_);
  events_ = std::make_unique<remote::RemoteEvents>(env_, *backend_);
  return {};
}

void RemoteStack::shutdown(Duration, UniqueFunction<void()> done) {
  // Nobody is answered here; who still waits is told that it is over.
  events_.reset();
  agent_.reset();
  backend_.reset();
  done();
}

AgentCore::Parts RemoteStack::parts() {
  return {.env = &env_,
          .backend = backend_.get(),
          .local = agent_.get(),
          .events = events_.get(),
          .in_process = false};
}

}  // namespace discovery::api
