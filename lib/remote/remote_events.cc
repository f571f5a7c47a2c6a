#include "lib/remote/remote_events.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "lib/base/percent.h"
#include "lib/codec/json_reader.h"
#include "lib/remote/answers.h"
#include "lib/remote/link.h"
#include "lib/remote/spelling.h"

namespace discovery::remote {
namespace {

/// How long a list is waited for where nobody says so.
constexpr Duration kWait = std::chrono::minutes(5);
/// The server may add a sixteenth to a wait, and then must still be heard.
constexpr int kWaitSlack = 8;

Request list_request(const model::EventRead& read) {
  Target target("/v1/event/list");
  target.add_if("name", read.name);
  Request request;
  if (read.index != 0) {
    const Duration wait = read.wait > Duration::zero() ? read.wait : kWait;
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(wait).count();
    target.add("index", std::to_string(read.index)).add("wait", std::to_string(ms) + "ms");
    request.waits = true;
    request.timeout = wait + wait / kWaitSlack + std::chrono::seconds(1);
  }
  request.message.target = std::move(target).take();
  return request;
}

Result<model::UserEvents> read_list(const Ending& ending) {
  if (!ending.response.ok()) return failure_of(ending.response.status(), ending.sent, false);
  if (Status failure = failure_of(*ending.response, false); !failure.ok()) return failure;
  std::vector<model::UserEvent> events;
  if (Status status = codec::from_json(ending.response->body, events, kTolerant); !status.ok())
    return Status(Code::kUnavailable, "the list of events makes no sense: " + std::string(status.message()));
  model::UserEvents result;
  result.index = read_head(*ending.response).meta.index;
  for (model::UserEvent& event : events)
    result.events.push_back(std::make_shared<const model::UserEvent>(std::move(event)));
  return result;
}

}  // namespace

Async<model::UserEvent> RemoteEvents::fire(model::UserEvent event, Call call) {
  if (Status status = model::validate(event); !status.ok()) return status;
  Target target("/v1/event/fire/" + base::percent_encode(event.name));
  target.add_if("dc", call.datacenter).add_if("node", event.node_filter);
  target.add_if("service", event.service_filter).add_if("tag", event.tag_filter);
  Request request;
  request.message = {.method = "PUT", .target = std::move(target).take(), .body = std::move(event.payload)};
  request.repeatable = false;
  return Async<model::UserEvent>::pending([this, request = std::make_unique<Request>(std::move(request)),
                                           call = std::move(call)](auto done) mutable {
    link_.call(std::move(*request), call, [done = std::move(done)](const Ending& ending) mutable {
      if (!ending.response.ok()) return done(failure_of(ending.response.status(), ending.sent, true));
      if (Status failure = failure_of(*ending.response, true); !failure.ok()) return done(std::move(failure));
      model::UserEvent fired;
      if (Status status = codec::from_json(ending.response->body, fired, kTolerant); !status.ok())
        return done(Status(Code::kUnknownOutcome, std::string(status.message())));
      done(std::move(fired));
    });
  });
}

Async<model::UserEvents> RemoteEvents::list(model::EventRead read, Call call) {
  return Async<model::UserEvents>::pending(
      [this, read = std::move(read), call = std::move(call)](auto done) mutable {
        link_.call(list_request(read), call,
                   [done = std::move(done)](const Ending& ending) mutable { done(read_list(ending)); });
      });
}

/// Asks for the list again and again, and hands on what is new in it.
class RemoteEvents::Listening final : public Subscription {
 public:
  Listening(RemoteEvents& bus, std::string name, OnEvent on_event)
      : link_(bus.link_),
        name_(std::move(name)),
        on_event_(std::move(on_event)),
        pause_(bus.env_.make_timer()) {
    ask(0);
  }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  ~Listening() override { *self_ = nullptr; }

 private:
  void ask(Index beyond) {
    link_.call(list_request({.name = name_, .index = beyond}), {.stop = stop_.get_token()},
               [self = self_, beyond](const Ending& ending) {
                 if (*self != nullptr) (*self)->on_list(read_list(ending), beyond);
               });
  }

  void on_list(const Result<model::UserEvents>& list, Index beyond) {
    if (!list.ok()) {
      if (list.status().code() == Code::kCancelled) return;
      return pause_->start(link_.retry_delay(failures_++), [this, beyond] { ask(beyond); });
    }
    failures_ = 0;
    const std::shared_ptr<Listening*> self = self_;
    if (!hand_on(list->events, self)) return;
    // Lists whose index stays came because their wait was over.
    ask(std::max<Index>(list->index, 1));
  }

  /// Tells of the events behind the last one that was seen; all, if that has fallen out of the list. At first
  /// nothing is new. False if that has ended this.
  bool hand_on(const std::vector<model::UserEventPtr>& events, const std::shared_ptr<Listening*>& self) {
    const auto is_last = [this](const model::UserEventPtr& event) { return event->id == last_; };
    const auto known = std::find_if(events.rbegin(), events.rend(), is_last);
    const auto fresh = known == events.rend() ? events.begin() : known.base();
    const bool first = !std::exchange(listening_, true);
    if (!events.empty()) last_ = events.back()->id;
    if (first) return true;
    for (auto at = fresh; at != events.end(); ++at) {
      on_event_(*at);
      if (*self == nullptr) return false;
    }
    return true;
  }

  Link& link_;
  const std::string name_;
  OnEvent on_event_;
  std::unique_ptr<env::Timer> pause_;
  std::stop_source stop_;
  std::string last_;  // the id of the last event that was seen
  bool listening_ = false;
  std::uint32_t failures_ = 0;
  const std::shared_ptr<Listening*> self_ = std::make_shared<Listening*>(this);
};

std::unique_ptr<model::EventBus::Subscription> RemoteEvents::subscribe(std::string name, OnEvent on_event) {
  return std::make_unique<Listening>(*this, std::move(name), std::move(on_event));
}

}  // namespace discovery::remote
