#pragma once

#include <memory>
#include <string>

#include "lib/model/event.h"
#include "lib/remote/remote_backend.h"

namespace discovery::remote {

/// The EventBus of a program whose agent is another one: fires over HTTP, and hears what reaches the agent by
/// blocking queries for its list of events. What falls out of that list while the agent cannot be reached is
/// missed.
///
/// Threads: the loop's. Blocks: never. Made on the loop, and gone before its backend; subscriptions may
/// outlive it.
class RemoteEvents final : public model::EventBus {
 public:
  /// `backend` outlives it.
  RemoteEvents(env::Env& env, RemoteBackend& backend) : env_(env), link_(backend.link()) {}

  Async<model::UserEvent> fire(model::UserEvent event, Call call) override;
  Async<model::UserEvents> list(model::EventRead read, Call call) override;
  std::unique_ptr<Subscription> subscribe(std::string name, OnEvent on_event) override;

 private:
  class Listening;
  env::Env& env_;
  Link& link_;
};

}  // namespace discovery::remote
