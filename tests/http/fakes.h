#pragma once

/// \file
/// A world without sockets for the HTTP API: a backend and an agent that answer as a test scripts them, and
/// an exchange that keeps the answer.

#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/http/api.h"

namespace discovery::http::testing {

[[noreturn]] inline void unexpected() { std::abort(); }

class FakeEnv;

/// Workers whose work is posted to the loop that a test turns.
class FakeWorkers final : public env::Workers {
 public:
  explicit FakeWorkers(FakeEnv& env) : env_(env) {}
  Status run(UniqueFunction<void()> work, UniqueFunction<void()> done) override;

 private:
  FakeEnv& env_;
};

/// A loop that a test turns by hand.
class FakeEnv final : public env::Env {
 public:
  bool on_loop_now = true;
  bool workers_busy = false;  ///< they refuse work
  std::vector<UniqueFunction<void()>> posted;

  void run_posted() {
    for (auto& task : std::exchange(posted, {})) task();
  }

  void post(UniqueFunction<void()> task) override { posted.push_back(std::move(task)); }
  bool on_loop() const noexcept override { return on_loop_now; }
  Clock& clock() override { unexpected(); }
  env::Random& random() override { unexpected(); }
  env::Files& files() override { unexpected(); }
  LogSink& log() override { unexpected(); }
  std::unique_ptr<env::Timer> make_timer() override { unexpected(); }
  std::unique_ptr<env::Workers> make_workers(std::size_t) override {
    return std::make_unique<FakeWorkers>(*this);
  }
  Result<std::unique_ptr<env::Listener>> listen(const env::Endpoint&, const env::ListenOptions&) override {
    unexpected();
  }
  void connect(const env::Endpoint&, Duration,
               UniqueFunction<void(Result<std::unique_ptr<env::Stream>>)>) override {
    unexpected();
  }
  void resolve(const std::string&, UniqueFunction<void(Result<std::vector<std::string>>)>) override {
    unexpected();
  }
  std::unique_ptr<env::Process> spawn(env::ProcessOptions,
                                      UniqueFunction<void(Result<env::ProcessResult>)>) override {
    unexpected();
  }
  Result<std::unique_ptr<env::DatagramSocket>> bind(const env::Endpoint&,
                                                    const env::ListenOptions&) override {
    unexpected();
  }
};

inline Status FakeWorkers::run(UniqueFunction<void()> work, UniqueFunction<void()> done) {
  if (env_.workers_busy) return {Code::kResourceExhausted, "busy"};
  env_.post([work = std::move(work), done = std::move(done)]() mutable {
    work();
    if (done) done();
  });
  return {};
}

/// An answer as a server with a leader gives it.
inline model::Answer answer(model::Value value, Index index) {
  return {.meta = {.index = index, .known_leader = true},
          .shared = std::make_shared<const model::SharedAnswer>(std::move(value))};
}

/// Answers every query with `next`, or keeps it pending; remembers what it was asked.
class FakeBackend final : public model::Backend {
 public:
  Result<model::Answer> next = Status(Code::kInternal, "not scripted");
  Result<model::Outcome> outcome = model::Outcome{};
  Result<model::SessionPtr> renewed = Status(Code::kInternal, "not scripted");
  bool defer = false;

  std::vector<std::pair<model::Query, model::Read>> queries;
  std::vector<std::pair<model::Command, Call>> commands;
  std::vector<std::pair<std::string, Call>> renewals;
  std::vector<Async<model::Answer>::Callback> pending;

  template <class T>
  const T& last_query() const {
    return std::get<T>(queries.back().first);
  }
  const model::Read& last_read() const { return queries.back().second; }
  template <class T>
  const T& last_command() const {
    return std::get<T>(commands.back().first);
  }

  Async<model::Outcome> apply(model::Command command, Call call) override {
    commands.emplace_back(std::move(command), std::move(call));
    return outcome;
  }
  Async<model::SessionPtr> renew_session(std::string id, Call call) override {
    renewals.emplace_back(std::move(id), std::move(call));
    return renewed;
  }
  Async<model::Answer> query(model::Query query, model::Read read) override {
    queries.emplace_back(std::move(query), std::move(read));
    if (!defer) return next;
    return Async<model::Answer>::pending(
        [this](Async<model::Answer>::Callback callback) { pending.push_back(std::move(callback)); });
  }
  std::unique_ptr<model::WatchHandle> watch(model::Query, model::Read, model::Sink&) override {
    unexpected();
  }
};

/// Remembers what it was told, and answers what it was given.
class FakeAgent final : public model::LocalAgent {
 public:
  Status result{};  ///< of everything but self() and members()
  std::vector<model::ServiceSpec> registered;
  std::vector<model::CheckSpec> checks_registered;
  std::vector<std::string> calls;  ///< "<what> <arguments>", each
  std::vector<Call> callers;
  std::vector<model::AgentService> service_list;
  model::AgentService one_service;
  std::vector<model::CheckPtr> check_list;
  std::vector<model::ServiceHealth> health_list;
  model::CheckHistory history;
  model::AgentSelf about;

  Async<Unit> register_service(model::ServiceSpec spec, Call call) override {
    registered.push_back(std::move(spec));
    return done("register_service", std::move(call));
  }
  Async<Unit> deregister_service(std::string id, Call call) override {
    return done("deregister_service " + id, std::move(call));
  }
  Async<Unit> register_check(model::CheckSpec spec, Call call) override {
    checks_registered.push_back(std::move(spec));
    return done("register_check", std::move(call));
  }
  Async<Unit> deregister_check(std::string id, Call call) override {
    return done("deregister_check " + id, std::move(call));
  }
  Async<Unit> update_check(std::string id, std::string status, std::string output, Call call) override {
    return done("update_check " + id + " " + status + " " + output, std::move(call));
  }
  Async<std::vector<model::AgentService>> services(std::string filter, Call call) override {
    note("services " + filter, std::move(call));
    if (!result.ok()) return result;
    return service_list;
  }
  Async<model::AgentService> service(std::string id, std::string hash, Duration wait, Call call) override {
    note("service " + id + " " + hash + " " + std::to_string(wait.count()), std::move(call));
    if (!result.ok()) return result;
    return one_service;
  }
  Async<std::vector<model::CheckPtr>> checks(std::string filter, Call call) override {
    note("checks " + filter, std::move(call));
    if (!result.ok()) return result;
    return check_list;
  }
  Async<Unit> set_service_maintenance(std::string id, bool enable, std::string reason, Call call) override {
    return done("set_service_maintenance " + id + (enable ? " on " : " off ") + reason, std::move(call));
  }
  Async<Unit> set_node_maintenance(bool enable, std::string reason, Call call) override {
    return done(std::string("set_node_maintenance ") + (enable ? "on " : "off ") + reason, std::move(call));
  }
  Async<model::CheckHistory> check_history(std::string id, Call call) override {
    note("check_history " + id, std::move(call));
    if (!result.ok()) return result;
    return history;
  }
  Async<std::vector<model::ServiceHealth>> service_health_by_id(std::string id, Call call) override {
    note("service_health_by_id " + id, std::move(call));
    return health_list;
  }
  Async<std::vector<model::ServiceHealth>> service_health_by_name(std::string name, Call call) override {
    note("service_health_by_name " + name, std::move(call));
    return health_list;
  }
  model::AgentSelf self() const override { return about; }
  Async<std::vector<model::Member>> members(bool wan, Call call) override {
    note(wan ? "members wan" : "members", std::move(call));
    return std::vector<model::Member>{about.member};
  }

 private:
  void note(std::string what, Call call) {
    calls.push_back(std::move(what));
    callers.push_back(std::move(call));
  }
  Async<Unit> done(std::string what, Call call) {
    note(std::move(what), std::move(call));
    if (!result.ok()) return result;
    return Unit();
  }
};

/// Keeps the answer to one request.
class Kept final : public http1::Exchange {
 public:
  std::optional<http1::Response> response;
  bool abandoned = false;
  UniqueFunction<void()> gone;
  std::vector<std::weak_ptr<http1::EndListener>> listeners;
  bool refuses_listeners = false;
  bool is_gone = false;

  int status() const { return response ? response->status : 0; }
  std::string body() const { return response ? std::string(response->body.view()) : "no answer"; }
  /// A header's value, or "-" where there is none.
  std::string header(std::string_view name) const {
    const auto value = response ? response->headers.find(name) : std::nullopt;
    return value ? std::string(*value) : "-";
  }

  void send(http1::Response&& answer) override { response = std::move(answer); }
  void start_stream(http1::Response&&) override { unexpected(); }
  void write(http1::Body&&, UniqueFunction<void(Status)>) override { unexpected(); }
  void finish() override { unexpected(); }
  void abandon() noexcept override { abandoned = true; }
  void on_disconnect(UniqueFunction<void()> callback) override { gone = std::move(callback); }
  bool on_connection_end(std::weak_ptr<http1::EndListener> listener) override {
    if (refuses_listeners) return false;
    listeners.push_back(std::move(listener));
    return true;
  }
  bool disconnected() const noexcept override { return is_gone; }
};

/// What a test asks with, beside the target.
struct Ask {
  std::string_view method = "GET";
  std::vector<http1::Header> headers{};
  std::string body{};
  std::optional<std::uint64_t> too_large{};  ///< the length of a body that was not read
};

inline Options default_options() {
  Options options;
  options.datacenter = "dc1";
  options.node_name = "agent-one";
  return options;
}

/// An API over the fakes.
struct World {
  FakeBackend backend;
  FakeAgent agent;
  FakeEnv env;
  Api api;

  explicit World(Options options = default_options()) : api(backend, agent, env, std::move(options)) {}

  std::unique_ptr<Kept> ask(std::string_view target, Ask with = {}) {
    auto kept = std::make_unique<Kept>();
    http1::Request request;
    request.method = with.method;
    request.target = target;
    request.headers = with.headers;
    request.body = std::move(with.body);
    if (!request.body.empty()) request.content_length = request.body.size();
    if (with.too_large) {
      request.content_length = with.too_large;
      request.body_too_large = true;
    }
    api.handle(request, http1::Responder(*kept));
    return kept;
  }
  std::unique_ptr<Kept> put(std::string_view target, std::string body) {
    return ask(target, {.method = "PUT", .body = std::move(body)});
  }
};

inline model::KvEntries entries(std::vector<model::KvEntryRef> list) { return list; }
inline model::KvEntryRef entry(std::string_view key, std::string_view value,
                               model::KvEntry::Attributes attributes = {.create_index = 14,
                                                                        .modify_index = 16}) {
  return model::KvEntry::make(key, value, attributes);
}

}  // namespace discovery::http::testing
