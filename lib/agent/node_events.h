#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "lib/env/env.h"
#include "lib/gossip/user_events.h"
#include "lib/model/event.h"
#include "lib/model/local_agent.h"

namespace discovery::agent {

/// The latest events of a node: a ring of model::EventBus::kMaxEvents. Pure. Threads: not shared.
class EventRing {
 public:
  void add(model::UserEventPtr event);
  /// Those of a name (empty: all) that are left.
  model::UserEvents list(std::string_view name) const;

 private:
  std::deque<model::UserEventPtr> events_;
};

/// Whether an event is meant for the node of this name, and for one of the services that `any_service` looks
/// through. A filter that is none lets nothing pass. Pure.
bool is_meant_for(
    const model::UserEvent& event, const std::string& node_name,
    const std::function<bool(const std::function<bool(const model::ServiceInstance&)>&)>& any_service);

/// The EventBus of this node. What is fired here goes the way of what comes from the pool: as a message that
/// is received, and handed to `broadcast`. Without a pool the node hears itself only.
///
/// Threads: as model::EventBus says; made and destroyed on the loop of `env`, which outlives it. Blocks:
/// never. Destroying it ends waiting calls with kCancelled.
class NodeEvents final : public model::EventBus {
 public:
  struct Parts {
    env::Env& env;
    std::string node_name;
    std::string datacenter;
    /// Whether one of the node's own services fits. Called on the loop.
    std::function<bool(const std::function<bool(const model::ServiceInstance&)>& fits)> any_service;
    /// Hands a message to the other members of the pool; null: there are none.
    std::function<void(const gossip::UserEventMessage&)> broadcast{};
  };
  /// How many calls of list() may wait at once.
  static constexpr std::size_t kMaxWaiting = 16384;
  /// How long list() waits unless told, and at most.
  static constexpr Duration kMaxWait = std::chrono::minutes(10);

  explicit NodeEvents(Parts parts);
  ~NodeEvents() override;
  NodeEvents(const NodeEvents&) = delete;
  NodeEvents& operator=(const NodeEvents&) = delete;

  Async<model::UserEvent> fire(model::UserEvent event, Call call) override;
  Async<model::UserEvents> list(model::EventRead read, Call call) override;
  std::unique_ptr<Subscription> subscribe(std::string name, OnEvent on_event) override;

  /// Tells the pool that this server leads. Threads: the loop.
  void announce_leader();
  /// Takes a message of the pool's; whether it is to be passed on. Threads: the loop.
  bool receive(const gossip::UserEventMessage& message);

 private:
  struct Life {};
  class Subscriber;
  class Handle;
  using Stop = std::stop_callback<std::function<void()>>;
  struct Waiter {
    model::EventRead read;
    Async<model::UserEvents>::Callback done;
    std::unique_ptr<env::Timer> timer;
    std::optional<Stop> stop;
  };
  struct Delivery {
    std::uint64_t number;
    model::UserEventPtr event;
  };

  Result<model::UserEvent> fire_here(model::UserEvent event, const Call& call);
  /// Gives a message to the pool, this node included.
  Status send(std::string name, std::string payload);
  void take_in(model::UserEvent event);
  void deliver();
  void wait(model::EventRead read, std::stop_token stop, Async<model::UserEvents>::Callback done);
  void answer(std::uint64_t number, const Status& failure);

  const Parts parts_;
  gossip::UserEvents pool_;
  EventRing ring_;
  std::uint64_t taken_in_ = 0;
  std::vector<Delivery>
      deliveries_;  // what subscribers and waiters have yet to hear of; a task is posted for it
  std::vector<std::shared_ptr<Subscriber>> subscribers_;
  std::map<std::uint64_t, Waiter> waiters_;
  std::uint64_t waits_ = 0;
  std::shared_ptr<Life> life_ = std::make_shared<Life>();
};

}  // namespace discovery::agent
