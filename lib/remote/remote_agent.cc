#include "lib/remote/remote_agent.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "lib/base/percent.h"
#include "lib/env/on_loop.h"
#include "lib/remote/agent_forms.h"
#include "lib/remote/answers.h"
#include "lib/remote/link.h"
#include "lib/remote/registrations.h"
#include "lib/remote/spelling.h"

namespace discovery::remote {
namespace {

constexpr Duration kDefaultWait = std::chrono::minutes(5);
constexpr Duration kMaxWait = std::chrono::minutes(10);
constexpr Duration kMargin = std::chrono::seconds(10);

/// What of an internal error's text says that there is no such thing.
constexpr std::string_view kMissing[] = {"Unknown check ID",   "Unknown service ID",
                                         "unknown service ID", "Unknown check \"",
                                         "Unknown service \"", "does not have associated TTL",
                                         "does not exist",     "No service registered with ID"};

/// Why an answer of the agent is a failure; older agents say with 500 what is not there.
Status agent_failure(const http1::ClientResponse& response, bool writes) {
  Status failure = failure_of(response, writes);
  if (response.status != 500) return failure;
  const bool missing = std::any_of(std::begin(kMissing), std::end(kMissing), [&](std::string_view text) {
    return failure.message().find(text) != std::string_view::npos;
  });
  return missing ? Status(Code::kNotFound, std::string(failure.message())) : failure;
}

bool in_vain(Code code) {
  return code == Code::kUnavailable || code == Code::kDeadlineExceeded || code == Code::kUnknownOutcome ||
         code == Code::kCancelled;
}

Request get(Target target) {
  Request request;
  request.message.target = std::move(target).take();
  return request;
}

Request maintenance(std::string path, bool enable, const std::string& reason) {
  Request request = get(
      std::move(Target(std::move(path)).add("enable", enable ? "true" : "false").add_if("reason", reason)));
  request.message.method = "PUT";
  return request;
}

}  // namespace

class RemoteAgent::Impl final : public std::enable_shared_from_this<Impl>, private Link::Observer {
 public:
  using UnitDone = Async<Unit>::Callback;

  explicit Impl(Link& link) : link_(link), registrations_(link) {}
  ~Impl() override { link_.forget(*this); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  env::Env& env() const noexcept { return link_.env(); }

  void start() {
    link_.observe(*this);
    learn_self();
  }

  void register_service(model::ServiceSpec spec, const Call& call, UnitDone done) {
    Request request = register_request(spec);
    change(std::move(request), call,
           [spec = std::move(spec), token = call.token, done = std::move(done)](Impl* self,
                                                                                Status status) mutable {
             if (self != nullptr && status.ok()) self->registrations_.keep(spec, token);
             answer(done, std::move(status));
           });
  }

  void register_check(model::CheckSpec spec, const Call& call, UnitDone done) {
    Request request = register_request(spec);
    change(std::move(request), call,
           [spec = std::move(spec), token = call.token, done = std::move(done)](Impl* self,
                                                                                Status status) mutable {
             if (self != nullptr && status.ok()) self->registrations_.keep(spec, token);
             answer(done, std::move(status));
           });
  }

  void deregister(bool is_service, const std::string& id, const Call& call, UnitDone done) {
    // Forgotten first: it must not come back while the request is on its way.
    is_service ? registrations_.forget_service(id) : registrations_.forget_check(id);
    change(deregister_request(is_service, id), call,
           [is_service, id, token = call.token, done = std::move(done)](Impl* self, Status status) mutable {
             if (status.code() == Code::kNotFound) status = {};
             if (self != nullptr && in_vain(status.code())) {
               is_service ? self->registrations_.owe_removal_of_service(id, token)
                          : self->registrations_.owe_removal_of_check(id, token);
             }
             answer(done, std::move(status));
           });
  }

  void update_check(std::string id, const std::string& status, const std::string& output, const Call& call,
                    UnitDone done) {
    registrations_.keep_report(id, status, output);
    Request request = report_request(id, status, output);
    change(std::move(request), call,
           [id = std::move(id), call, done = std::move(done)](Impl* self, Status result) mutable {
             const bool forgotten =
                 self != nullptr && result.code() == Code::kNotFound && self->registrations_.knows_check(id);
             if (!forgotten) return answer(done, std::move(result));
             // What is registered again gets the latest report, which is this one.
             self->registrations_.verify(
                 [weak = self->weak_from_this(), id, call, done = std::move(done)]() mutable {
                   const auto alive = weak.lock();
                   if (!alive) return done(Status(Code::kCancelled, "the instance is stopping"));
                   alive->repeat_report(id, call, std::move(done));
                 });
           });
  }

  void change(Request request, const Call& call, UniqueFunction<void(Impl*, Status)> then) {
    link_.call(std::move(request), call,
               [weak = weak_from_this(), then = std::move(then)](const Ending& ending) mutable {
                 const auto self = weak.lock();
                 then(self.get(), ending.response.ok()
                                      ? agent_failure(*ending.response, true)
                                      : failure_of(ending.response.status(), ending.sent, true));
               });
  }

  void change(Request request, const Call& call, UnitDone done) {
    change(std::move(request), call,
           [done = std::move(done)](Impl*, Status status) mutable { answer(done, std::move(status)); });
  }

  /// Asks, and reads the answer by `read(response)`.
  template <class T, class Read>
  void ask(Request&& request, const Call& call, Read read, typename Async<T>::Callback done) {
    link_.call(std::move(request), call,
               [read = std::move(read), done = std::move(done)](const Ending& ending) mutable {
                 if (!ending.response.ok()) return done(ending.response.status());
                 done(read(*ending.response));
               });
  }

  /// As ask(), of an answer of 200, by `read(body)`.
  template <class T, class Read>
  void ask_body(Request request, const Call& call, Read read, typename Async<T>::Callback done) {
    ask<T>(
        std::move(request), call,
        [read = std::move(read)](const http1::ClientResponse& response) -> Result<T> {
          if (Status failure = agent_failure(response, false); !failure.ok()) return failure;
          return read(response.body);
        },
        std::move(done));
  }

  /// The status of these answers tells the health, too: 200, 429 or 503.
  template <class Read>
  void ask_health(Request request, const Call& call, Read read,
                  Async<std::vector<model::ServiceHealth>>::Callback done) {
    using Healths = std::vector<model::ServiceHealth>;
    ask<Healths>(
        std::move(request), call,
        [read](const http1::ClientResponse& response) -> Result<Healths> {
          if (response.status == 404) return Healths();
          Result<Healths> healths = read(response.body);
          const bool tells = response.status == 200 || response.status == 429 || response.status == 503;
          if (tells && healths.ok()) return healths;
          Status failure = agent_failure(response, false);
          return failure.ok() ? std::move(healths) : Result<Healths>(std::move(failure));
        },
        std::move(done));
  }

  void service(const std::string& id, const std::string& hash, Duration until, const Call& call,
               Async<model::AgentService>::Callback done) {
    Target target("/v1/agent/service/" + base::percent_encode(id));
    const Duration left = std::max(until - link_.env().clock().monotonic(), Duration::zero());
    const bool waits = !hash.empty() && left > Duration::zero();
    if (waits) {
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(left).count();
      target.add("hash", hash).add("wait", std::to_string(wait) + "ms");
    }
    Request request = get(std::move(target));
    request.waits = waits;
    if (waits && call.timeout == Duration::zero()) request.timeout = left + left / 16 + kMargin;
    link_.call(
        std::move(request), call,
        [weak = weak_from_this(), id, hash, until, call, done = std::move(done)](Ending ending) mutable {
          const auto self = weak.lock();
          if (ending.interrupted && self) return self->service(id, hash, until, call, std::move(done));
          if (!ending.response.ok()) return done(ending.response.status());
          const http1::ClientResponse& response = *ending.response;
          if (Status failure = agent_failure(response, false); !failure.ok()) return done(std::move(failure));
          done(read_service(response.body, response.header("X-Consul-ContentHash")));
        });
  }

  void fetch_self(const Call& call, Async<model::AgentSelf>::Callback done) {
    ask_body<model::AgentSelf>(
        get(Target("/v1/agent/self")), call, read_self,
        [weak = weak_from_this(), done = std::move(done)](Result<model::AgentSelf> found) mutable {
          const auto self = weak.lock();
          if (self && found.ok()) self->set_self(*found);
          done(std::move(found));
        });
  }

  model::AgentSelf self() const {
    const std::lock_guard lock(mutex_);
    return self_;
  }

  static void answer(UnitDone& done, Status status) { status.ok() ? done(Unit()) : done(std::move(status)); }

 private:
  void on_up() override { learn_self(); }
  void on_down(const Status&) override {}

  void learn_self() {
    fetch_self({}, [weak = weak_from_this()](const Result<model::AgentSelf>& found) {
      const auto self = weak.lock();
      // While it cannot be reached, on_up() tells when to ask again.
      if (!self || found.ok() || in_vain(found.status().code())) return;
      self->link_.env().log().write(
          Level::kWarn, "remote",
          "the agent does not say who it is: " + std::string(found.status().message()));
    });
  }

  void set_self(const model::AgentSelf& found) {
    const std::lock_guard lock(mutex_);
    self_ = found;
    if (std::exchange(known_, true)) return;
    link_.env().post([weak = weak_from_this()] {
      // From here on only registrations need to know soon whether it is there.
      if (const auto alive = weak.lock()) alive->only_notice();
    });
  }

  void only_notice() {
    link_.forget(*this);
    link_.observe(*this, Link::Interest::kNotice);
  }

  void repeat_report(const std::string& id, const Call& call, UnitDone done) {
    const auto report = registrations_.report(id);
    if (!report) return done(Status(Code::kNotFound, "the check was removed meanwhile"));
    change(report_request(id, report->status, report->output), call, std::move(done));
  }

  Link& link_;
  Registrations registrations_;
  mutable std::mutex mutex_;  // guards self_ and known_
  model::AgentSelf self_;
  bool known_ = false;
};

RemoteAgent::RemoteAgent(env::Env&, RemoteBackend& backend) : impl_(std::make_shared<Impl>(backend.link())) {
  impl_->start();
}

RemoteAgent::~RemoteAgent() = default;

template <class T, class Work>
Async<T> RemoteAgent::on_loop(Work work) {
  return env::on_loop<T>(
      impl_->env(), std::weak_ptr<const void>(impl_), Status(Code::kCancelled, "the instance has ended"),
      [impl = impl_.get(), work = std::move(work)](typename Async<T>::Callback done) mutable {
        work(*impl, std::move(done));
      });
}

Async<Unit> RemoteAgent::register_service(model::ServiceSpec spec, Call call) {
  return on_loop<Unit>([spec = std::move(spec), call = std::move(call)](Impl& impl, auto done) mutable {
    impl.register_service(std::move(spec), call, std::move(done));
  });
}

Async<Unit> RemoteAgent::deregister_service(std::string id, Call call) {
  return on_loop<Unit>([id = std::move(id), call = std::move(call)](Impl& impl, auto done) {
    impl.deregister(true, id, call, std::move(done));
  });
}

Async<Unit> RemoteAgent::register_check(model::CheckSpec spec, Call call) {
  return on_loop<Unit>([spec = std::move(spec), call = std::move(call)](Impl& impl, auto done) mutable {
    impl.register_check(std::move(spec), call, std::move(done));
  });
}

Async<Unit> RemoteAgent::deregister_check(std::string id, Call call) {
  return on_loop<Unit>([id = std::move(id), call = std::move(call)](Impl& impl, auto done) {
    impl.deregister(false, id, call, std::move(done));
  });
}

Async<Unit> RemoteAgent::update_check(std::string id, std::string status, std::string output, Call call) {
  return on_loop<Unit>([id = std::move(id), status = std::move(status), output = std::move(output),
                        call = std::move(call)](Impl& impl, auto done) mutable {
    impl.update_check(std::move(id), std::move(status), std::move(output), call, std::move(done));
  });
}

Async<std::vector<model::AgentService>> RemoteAgent::services(std::string filter, Call call) {
  using Services = std::vector<model::AgentService>;
  return on_loop<Services>([filter = std::move(filter), call = std::move(call)](Impl& impl, auto done) {
    impl.ask_body<Services>(get(std::move(Target("/v1/agent/services").add_if("filter", filter))), call,
                            read_services, std::move(done));
  });
}

Async<model::AgentService> RemoteAgent::service(std::string id, std::string hash, Duration wait, Call call) {
  return on_loop<model::AgentService>(
      [id = std::move(id), hash = std::move(hash), wait, call = std::move(call)](Impl& impl, auto done) {
        const Duration most = wait == Duration::zero() ? kDefaultWait : std::min(wait, kMaxWait);
        impl.service(id, hash, impl.env().clock().monotonic() + most, call, std::move(done));
      });
}

Async<std::vector<model::CheckPtr>> RemoteAgent::checks(std::string filter, Call call) {
  using Checks = std::vector<model::CheckPtr>;
  return on_loop<Checks>([filter = std::move(filter), call = std::move(call)](Impl& impl, auto done) {
    impl.ask_body<Checks>(get(std::move(Target("/v1/agent/checks").add_if("filter", filter))), call,
                          read_checks, std::move(done));
  });
}

Async<Unit> RemoteAgent::set_service_maintenance(std::string id, bool enable, std::string reason, Call call) {
  return on_loop<Unit>(
      [request = maintenance("/v1/agent/service/maintenance/" + base::percent_encode(id), enable, reason),
       call = std::move(call)](Impl& impl, auto done) mutable {
        impl.change(std::move(request), call, std::move(done));
      });
}

Async<Unit> RemoteAgent::set_node_maintenance(bool enable, std::string reason, Call call) {
  return on_loop<Unit>(
      [request = maintenance("/v1/agent/maintenance", enable, reason), call = std::move(call)](
          Impl& impl, auto done) mutable { impl.change(std::move(request), call, std::move(done)); });
}

Async<model::CheckHistory> RemoteAgent::check_history(std::string id, Call call) {
  return on_loop<model::CheckHistory>([id = std::move(id), call = std::move(call)](Impl& impl, auto done) {
    impl.ask_body<model::CheckHistory>(
        get(Target("/v1/agent/check/" + base::percent_encode(id) + "/history")), call, read_history,
        std::move(done));
  });
}

Async<std::vector<model::ServiceHealth>> RemoteAgent::service_health_by_id(std::string id, Call call) {
  return on_loop<std::vector<model::ServiceHealth>>(
      [id = std::move(id), call = std::move(call)](Impl& impl, auto done) {
        impl.ask_health(get(Target("/v1/agent/health/service/id/" + base::percent_encode(id))), call,
                        read_health, std::move(done));
      });
}

Async<std::vector<model::ServiceHealth>> RemoteAgent::service_health_by_name(std::string name, Call call) {
  return on_loop<std::vector<model::ServiceHealth>>(
      [name = std::move(name), call = std::move(call)](Impl& impl, auto done) {
        impl.ask_health(get(Target("/v1/agent/health/service/name/" + base::percent_encode(name))), call,
                        read_health_list, std::move(done));
      });
}

model::AgentSelf RemoteAgent::self() const { return impl_->self(); }

Async<std::vector<model::Member>> RemoteAgent::members(bool wan, Call call) {
  using Members = std::vector<model::Member>;
  return on_loop<Members>([wan, call = std::move(call)](Impl& impl, auto done) {
    impl.ask_body<Members>(get(std::move(Target("/v1/agent/members").add_if("wan", wan ? "1" : ""))), call,
                           read_members, std::move(done));
  });
}

Async<model::AgentSelf> RemoteAgent::fetch_self(Call call) {
  return on_loop<model::AgentSelf>(
      [call = std::move(call)](Impl& impl, auto done) { impl.fetch_self(call, std::move(done)); });
}

}  // namespace discovery::remote
