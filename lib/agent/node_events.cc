#include "lib/agent/node_events.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "lib/agent/event_message.h"
#include "lib/env/on_loop.h"
#include "lib/env/random.h"
#include "lib/filter/pattern.h"

namespace discovery::agent {

using model::UserEvent;
using model::UserEventPtr;
using model::UserEvents;

namespace {

Status stopped() { return {Code::kCancelled, "the agent is stopping"}; }

/// Events of this name are for running programs by remote control, which is not done here.
constexpr std::string_view kRemoteExec = "_rexec";

}  // namespace

void EventRing::add(UserEventPtr event) {
  if (events_.size() == model::EventBus::kMaxEvents) events_.pop_front();
  events_.push_back(std::move(event));
}

UserEvents EventRing::list(std::string_view name) const {
  UserEvents list;
  for (const UserEventPtr& event : events_) {
    if (name.empty() || event->name == name) list.events.push_back(event);
  }
  if (!list.events.empty()) list.index = model::event_index(list.events.back()->id);
  return list;
}

bool is_meant_for(
    const UserEvent& event, const std::string& node_name,
    const std::function<bool(const std::function<bool(const model::ServiceInstance&)>&)>& any_service) {
  using filter::Pattern;
  if (!event.node_filter.empty()) {
    const auto node = Pattern::compile(event.node_filter);
    if (!node.ok() || !node->found_in(node_name)) return false;
  }
  if (event.service_filter.empty()) return true;
  const auto service = Pattern::compile(event.service_filter);
  const auto tag = Pattern::compile(event.tag_filter);
  if (!service.ok() || !tag.ok()) return false;
  return any_service([&](const model::ServiceInstance& own) {
    if (!service->found_in(own.id)) return false;
    return event.tag_filter.empty() || std::any_of(own.tags.begin(), own.tags.end(),
                                                   [&](const auto& each) { return tag->found_in(each); });
  });
}

/// Somebody who hears of events.
class NodeEvents::Subscriber {
 public:
  Subscriber(std::string name, OnEvent on_event) : name_(std::move(name)), on_event_(std::move(on_event)) {}

  void hear(const Delivery& delivery) {
    const std::lock_guard lock(mutex_);
    const bool wanted = name_.empty() || name_ == delivery.event->name;
    if (active_ && wanted && delivery.number > since) on_event_(delivery.event);
  }
  /// No call comes after this; a running one is waited for, unless that is what calls this.
  void end() {
    const std::lock_guard lock(mutex_);
    active_ = false;
  }

  std::uint64_t since = 0;  ///< the number of the last event that is too old for it; the loop's

 private:
  const std::string name_;
  std::recursive_mutex mutex_;  // guards what follows
  OnEvent on_event_;
  bool active_ = true;
};

class NodeEvents::Handle final : public model::EventBus::Subscription {
 public:
  Handle(NodeEvents& bus, std::shared_ptr<Subscriber> subscriber)
      : bus_(&bus), env_(bus.parts_.env), life_(bus.life_), subscriber_(std::move(subscriber)) {}
  ~Handle() override {
    subscriber_->end();
    env_.post([bus = bus_, life = life_, subscriber = std::move(subscriber_)] {
      if (!life.expired()) std::erase(bus->subscribers_, subscriber);
    });
  }

 private:
  NodeEvents* const bus_;
  env::Env& env_;
  const std::weak_ptr<Life> life_;
  std::shared_ptr<Subscriber> subscriber_;
};

NodeEvents::NodeEvents(Parts parts) : parts_(std::move(parts)) {}

NodeEvents::~NodeEvents() {
  life_.reset();
  for (auto& [number, waiter] : std::exchange(waiters_, {})) waiter.done(stopped());
}

Async<UserEvent> NodeEvents::fire(UserEvent event, Call call) {
  return env::on_loop<UserEvent>(
      parts_.env, life_, stopped(),
      [this, event = std::move(event), call = std::move(call)](Async<UserEvent>::Callback done) mutable {
        done(fire_here(std::move(event), call));
      });
}

Result<UserEvent> NodeEvents::fire_here(UserEvent event, const Call& call) {
  if (Status status = model::validate(event); !status.ok()) return status;
  if (!call.datacenter.empty() && call.datacenter != parts_.datacenter) {
    return Status(Code::kUnavailable, "No path to datacenter");
  }
  event.id = env::random_uuid(parts_.env.random());
  event.version = 1;
  event.ltime = 0;
  Status sent = send(std::string(kUserEventPrefix) + event.name, encode_user_event(event));
  if (!sent.ok()) {
    return Status(sent.code(), "1 error occurred:\n\t* error broadcasting event to segment \"\": " +
                                   std::string(sent.message()) + "\n\n");
  }
  return event;
}

Status NodeEvents::send(std::string name, std::string payload) {
  const Result<gossip::UserEventMessage> message = pool_.make(std::move(name), std::move(payload));
  if (!message.ok()) return message.status();
  receive(*message);
  if (parts_.broadcast) parts_.broadcast(*message);
  return {};
}

void NodeEvents::announce_leader() {
  if (Status status = send(std::string(kNewLeaderEvent), parts_.node_name); !status.ok()) {
    parts_.env.log().write(Level::kWarn, "agent", "the new leader is not announced: " + status.to_string());
  }
}

bool NodeEvents::receive(const gossip::UserEventMessage& message) {
  if (!pool_.receive(message)) return false;
  if (!message.name.starts_with(kUserEventPrefix)) return true;
  Result<UserEvent> event = decode_user_event(message.payload);
  if (!event.ok()) {
    parts_.env.log().write(Level::kError, "agent", "an event cannot be read: " + event.status().to_string());
    return true;
  }
  event->ltime = message.ltime;
  if (is_meant_for(*event, parts_.node_name, parts_.any_service)) take_in(*std::move(event));
  return true;
}

void NodeEvents::take_in(UserEvent event) {
  LogSink& log = parts_.env.log();
  if (event.name == kRemoteExec) {
    return log.write(Level::kInfo, "agent", "ignoring remote exec event (" + event.id + "), disabled.");
  }
  log.write(Level::kDebug, "agent", "new event: " + event.name + " (" + event.id + ")");
  const auto shared = std::make_shared<const UserEvent>(std::move(event));
  ring_.add(shared);
  deliveries_.push_back({++taken_in_, shared});
  if (deliveries_.size() > 1) return;
  // Not now: whoever hears of it may fire the next one.
  parts_.env.post([this, life = std::weak_ptr(life_)] {
    if (!life.expired()) deliver();
  });
}

void NodeEvents::deliver() {
  const std::vector<Delivery> deliveries = std::exchange(deliveries_, {});
  const std::weak_ptr<Life> life = life_;
  const auto subscribers = subscribers_;
  for (const Delivery& delivery : deliveries) {
    for (const auto& subscriber : subscribers) {
      subscriber->hear(delivery);
      if (life.expired()) return;
    }
  }
  std::vector<std::uint64_t> due;
  for (const auto& [number, waiter] : waiters_) {
    if (ring_.list(waiter.read.name).index != waiter.read.index) due.push_back(number);
  }
  for (const std::uint64_t number : due) {
    answer(number, {});
    if (life.expired()) return;
  }
}

Async<UserEvents> NodeEvents::list(model::EventRead read, Call call) {
  return env::on_loop<UserEvents>(
      parts_.env, life_, stopped(),
      [this, read = std::move(read), stop = std::move(call.stop)](Async<UserEvents>::Callback done) mutable {
        UserEvents list = ring_.list(read.name);
        if (read.index == 0 || list.index != read.index) return done(std::move(list));
        wait(std::move(read), std::move(stop), std::move(done));
      });
}

void NodeEvents::wait(model::EventRead read, std::stop_token stop, Async<UserEvents>::Callback done) {
  if (waiters_.size() >= kMaxWaiting) {
    return done(Status(Code::kResourceExhausted, "too many calls wait for events of this agent"));
  }
  const Duration limit = read.wait <= Duration::zero() ? kMaxWait : std::min(read.wait, kMaxWait);
  const std::uint64_t number = ++waits_;
  Waiter& waiter = waiters_[number];
  waiter.read = std::move(read);
  waiter.done = std::move(done);
  waiter.timer = parts_.env.make_timer();
  waiter.timer->start(limit, [this, number] { answer(number, {}); });
  if (!stop.stop_possible()) return;
  // The stop may come on any thread, and inside this very call.
  waiter.stop.emplace(std::move(stop), [this, number, env = &parts_.env, life = std::weak_ptr(life_)] {
    env->post([this, number, life] {
      if (!life.expired()) answer(number, {Code::kCancelled, "the caller has given up"});
    });
  });
}

void NodeEvents::answer(std::uint64_t number, const Status& failure) {
  auto node = waiters_.extract(number);
  if (node.empty()) return;
  auto done = std::move(node.mapped().done);
  if (!failure.ok()) return done(failure);
  done(ring_.list(node.mapped().read.name));
}

std::unique_ptr<model::EventBus::Subscription> NodeEvents::subscribe(std::string name, OnEvent on_event) {
  auto subscriber = std::make_shared<Subscriber>(std::move(name), std::move(on_event));
  auto begin = [this, subscriber] {
    subscriber->since = taken_in_;
    subscribers_.push_back(subscriber);
  };
  if (parts_.env.on_loop()) {
    begin();
  } else {
    parts_.env.post([begin, life = std::weak_ptr(life_)] {
      if (!life.expired()) begin();
    });
  }
  return std::make_unique<Handle>(*this, std::move(subscriber));
}

}  // namespace discovery::agent
