#pragma once

/// \file
/// User events: short messages to all nodes of a datacenter, kept nowhere
/// (https://developer.hashicorp.com/consul/api-docs/event).

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <discovery/async.h>
#include <discovery/export.h>
#include <discovery/status.h>
#include <discovery/types.h>

namespace discovery::api {
class AgentCore;
class EventFeed;
}  // namespace discovery::api

namespace discovery::inline v0 {

/// One event. Only `name` must be set to fire one. Filters are regular expressions; empty ones let all pass.
struct Event {
  std::string id{};              ///< a UUID, given to it when it is fired
  std::string name{};            ///< what it is about
  std::string payload{};         ///< a few hundred bytes at most
  std::string node_filter{};     ///< for the names of nodes
  std::string service_filter{};  ///< for the ids of services on a node
  std::string tag_filter{};      ///< for the tags of that service; needs `service_filter`
};

/// A running subscription; destroying it ends it, and waits for a running callback unless that is its caller.
class [[nodiscard]] DISCOVERY_EXPORT Subscription {
 public:
  Subscription(Subscription&&) noexcept;
  Subscription& operator=(Subscription&&) noexcept;
  ~Subscription();

 private:
  friend class Events;
  explicit Subscription(std::shared_ptr<api::EventFeed> feed);
  std::shared_ptr<api::EventFeed> feed_;
};

/// The events of an agent's datacenter. A cheap handle; copies are the same. May outlive its Agent. Events
/// may be lost, and nobody is told; who must not miss anything watches a key instead. Threads: safe. Blocks:
/// never.
class DISCOVERY_EXPORT Events {
 public:
  /// Fires an event and returns its id. kInvalidArgument (no name, a bad filter, too large), kCancelled,
  /// kUnavailable, kUnknownOutcome.
  Async<std::string> fire(Event event, const Call& call = {});

  /// Calls `callback` on the instance's executor with each event of this name (empty: each) that is meant for
  /// this agent's node, from now on, one call after another. Who is slow misses the oldest of more than 256
  /// that wait.
  Subscription subscribe(std::string name, std::function<void(const Event&)> callback);

 private:
  friend class Agent;
  explicit Events(std::shared_ptr<api::AgentCore> core);
  std::shared_ptr<api::AgentCore> core_;
};

}  // namespace discovery::inline v0
