#pragma once

/// \file
/// User events: short messages that are fired at the nodes of a datacenter, and kept nowhere
/// (https://developer.hashicorp.com/consul/api-docs/event).

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/async.h>
#include <discovery/types.h>

#include "lib/codec/describe.h"

namespace discovery::model {

/// One event. Filters are regular expressions; empty ones let all pass. Each node that an event reaches looks
/// itself whether it is meant.
struct UserEvent {
  std::string id{};              ///< a UUID; given to it when it is fired
  std::string name{};            ///< what it is about; required
  std::string payload{};         ///< at most some hundred bytes; empty: there is none
  std::string node_filter{};     ///< for the name of a node
  std::string service_filter{};  ///< for the id of a service on the node
  std::string tag_filter{};      ///< for a tag of that service
  std::int64_t version = 1;      ///< of this form
  std::uint64_t ltime =
      0;  ///< when it was fired by the clock of its pool; 0 until it has come back from there

  friend bool operator==(const UserEvent&, const UserEvent&) = default;
};

using UserEventPtr = std::shared_ptr<const UserEvent>;

template <class Archive, codec::Described<UserEvent> R>
void describe(Archive& archive, R& event) {
  archive.field("ID", event.id);
  archive.field("Name", event.name);
  archive.bytes("Payload", event.payload, {.null_if_empty = true});
  archive.field("NodeFilter", event.node_filter);
  archive.field("ServiceFilter", event.service_filter);
  archive.field("TagFilter", event.tag_filter);
  archive.field("Version", event.version);
  archive.field("LTime", event.ltime);
}

/// What is wrong with an event that somebody wants to fire. kInvalidArgument with Consul's text. Pure.
Status validate(const UserEvent& event);

/// The index of a list that ends with the event of this id: a number made of the UUID, which grows by no
/// rule. Lists compare it for equality only. 1 if the id is none. Pure.
Index event_index(std::string_view id);

/// The latest events that have reached a node.
struct UserEvents {
  Index index = 1;                     ///< event_index() of the last; 1 if there is none
  std::vector<UserEventPtr> events{};  ///< in the order of their coming
};

/// What a list of events is asked for with.
struct EventRead {
  std::string name{};  ///< empty: all
  Index index = 0;     ///< waits while the list has this index; 0: answers at once
  Duration wait{};     ///< how long at most; 0: as long as is allowed
};

/// Fires events, and shows those that reach this node. They may be lost, and nobody is told; an event comes
/// once to a node.
///
/// Threads: safe. Results and events come on the agent's loop. Blocking: never.
class EventBus {
 public:
  using OnEvent = UniqueFunction<void(const UserEventPtr& event)>;
  /// A running subscription; destroying it ends it, and waits for a call that is under way on another thread.
  class Subscription {
   public:
    virtual ~Subscription() = default;
  };

  virtual ~EventBus() = default;

  /// Fires an event at the nodes of a datacenter; returns it with its id. kInvalidArgument with Consul's
  /// text, also for one that is too large; kUnavailable ("No path to datacenter").
  virtual Async<UserEvent> fire(UserEvent event, Call call) = 0;
  /// The latest events (kMaxEvents) that were meant for this node. kCancelled; kResourceExhausted if too many
  /// wait.
  virtual Async<UserEvents> list(EventRead read, Call call) = 0;
  /// Calls `on_event` with each event of this name (empty: with each) that reaches this node from now on; one
  /// call after the other, never inside fire() or subscribe().
  [[nodiscard]] virtual std::unique_ptr<Subscription> subscribe(std::string name, OnEvent on_event) = 0;

  /// How many events a node remembers.
  static constexpr std::size_t kMaxEvents = 256;
};

}  // namespace discovery::model
