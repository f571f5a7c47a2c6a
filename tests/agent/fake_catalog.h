#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <discovery/async.h>

#include "lib/env/env.h"
#include "lib/model/backend.h"

namespace discovery::agent {

/// A Backend with nothing but the catalog of one node. It answers at once, or late, or badly, as a test
/// wants.
class FakeCatalog final : public model::Backend {
 public:
  explicit FakeCatalog(env::Env& env) : env_(env) {}

  std::optional<model::Node> node;
  std::map<std::string, model::ServiceInstance> services;
  std::map<std::string, model::HealthCheck> checks;

  /// Another node, as those who watch it see it once changed() was called.
  struct OtherNode {
    std::map<std::string, model::ServiceInstance> services;
    std::map<std::string, model::HealthCheck> checks;
  };
  std::map<std::string, OtherNode> others;
  std::set<std::string> own_names{"n"};  ///< all else are others
  int watchers = 0;

  /// Tells those who watch what it is now.
  void changed() {
    for (const auto& [number, watch] : watches_) watch->tell();
  }

  /// \name The token that each was registered with last
  /// @{
  std::map<std::string, std::string> service_tokens;
  std::map<std::string, std::string> check_tokens;
  /// @}

  /// Every command that has come, whatever became of it.
  std::vector<model::Command> commands;
  std::vector<std::string> tokens;
  int queries = 0;

  /// How the next calls end; asked once for each. The result of an unknown outcome is applied all the same.
  std::function<Status()> fate = [] { return Status(); };
  /// How long the next calls take; at zero they are over at once.
  std::function<Duration()> delay = [] { return Duration::zero(); };

  Async<model::SessionPtr> renew_session(std::string, Call) override {
    return Status(Code::kInternal, "not expected");
  }
  Async<model::Outcome> apply(model::Command command, Call call) override {
    commands.push_back(command);
    tokens.push_back(call.token);
    return later<model::Outcome>(
        [this, command = std::move(command), token = call.token]() -> Result<model::Outcome> {
          const Status status = fate();
          if (!status.ok() && status.code() != Code::kUnknownOutcome) return status;
          Status applied = std::visit([this](const auto& one) { return change(one); }, command);
          if (!applied.ok()) return applied;
          if (const auto* one = std::get_if<model::RegisterCommand>(&command)) note_token(*one, token);
          if (!status.ok()) return status;
          return model::Outcome{++index_, true};
        });
  }

  Async<model::Answer> query(model::Query query, model::Read) override {
    ++queries;
    // The answer is of the time of the question, however late it arrives.
    Result<model::Answer> answer = fate_of_query(query);
    return later<model::Answer>([answer = std::move(answer)] { return answer; });
  }

  std::unique_ptr<model::WatchHandle> watch(model::Query query, model::Read read,
                                            model::Sink& sink) override {
    tokens.push_back(read.call.token);
    return std::make_unique<Watch>(*this, std::move(query), sink);
  }

  template <class C>
  std::vector<C> commands_of() const {
    std::vector<C> found;
    for (const auto& command : commands) {
      if (const auto* one = std::get_if<C>(&command)) found.push_back(*one);
    }
    return found;
  }

 private:
  class Watch final : public model::WatchHandle {
   public:
    Watch(FakeCatalog& catalog, model::Query query, model::Sink& sink)
        : catalog_(catalog), query_(std::move(query)), sink_(sink), timer_(catalog.env_.make_timer()) {
      number_ = catalog_.next_watch_++;
      catalog_.watches_.emplace(number_, this);
      ++catalog_.watchers;
      tell();
    }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() override {
      catalog_.watches_.erase(number_);
      --catalog_.watchers;
    }
    void tell() {
      timer_->start(catalog_.delay(), [this] {
        const auto answer = catalog_.fate_of_query(query_);
        if (answer.ok()) return sink_.on_answer(*answer);
        sink_.on_error(answer.status());
        timer_->start(std::chrono::seconds(5), [this] { tell(); });
      });
    }

   private:
    FakeCatalog& catalog_;
    std::uint64_t number_ = 0;
    const model::Query query_;
    model::Sink& sink_;
    std::unique_ptr<env::Timer> timer_;
  };

  void note_token(const model::RegisterCommand& command, const std::string& token) {
    if (command.service) service_tokens[command.service->id.str()] = token;
    for (const auto& check : command.checks) check_tokens[check.check_id.str()] = token;
  }

  template <class T, class F>
  Async<T> later(F act) {
    const Duration wait = delay();
    return Async<T>::pending([this, wait, act = std::move(act)](typename Async<T>::Callback done) mutable {
      if (wait == Duration::zero()) return done(act());
      auto timer = std::make_shared<std::unique_ptr<env::Timer>>(env_.make_timer());
      // The timer is kept alive by its own callback.
      (*timer)->start(wait, [timer, act = std::move(act), done = std::move(done)]() mutable {
        auto call = std::move(done);
        auto result = act();
        call(std::move(result));
      });
      timers_.push_back(timer);
    });
  }

  Result<model::Answer> fate_of_query(const model::Query& query) {
    if (Status status = fate(); !status.ok()) return status;
    model::Value value;
    const auto* about_services = std::get_if<model::GetNodeServices>(&query);
    const std::string name =
        about_services != nullptr ? about_services->node : std::get<model::ListNodeChecks>(query).node;
    const bool own = own_names.contains(name);
    const OtherNode* const other = own ? nullptr : &others[name];
    if (about_services != nullptr) {
      model::NodeServices found;
      if (own && node) found.node = std::make_shared<const model::Node>(*node);
      for (const auto& [id, service] : own ? services : other->services) {
        found.services.push_back(std::make_shared<const model::ServiceInstance>(service));
      }
      value = std::move(found);
    } else {
      model::Checks found;
      for (const auto& [id, check] : own ? checks : other->checks)
        found.push_back(std::make_shared<const model::HealthCheck>(check));
      value = std::move(found);
    }
    model::Answer answer;
    answer.meta.index = index_;
    answer.shared = std::make_shared<const model::SharedAnswer>(std::move(value));
    return answer;
  }

  Status change(model::RegisterCommand command) {
    if (Status status = validate(command); !status.ok()) return status;
    if (!node || !command.skip_node_update) {
      node.emplace();
      node->id = command.id;
      node->name = command.node;
      node->address = command.address;
      node->tagged_addresses = command.tagged_addresses;
      node->meta = command.node_meta;
    }
    if (command.service) services[command.service->id.str()] = *command.service;
    for (auto& check : command.checks) {
      if (!check.service_id.empty()) {
        const auto service = services.find(check.service_id.str());
        if (service == services.end())
          return {Code::kInternal, "failed inserting check: Missing service registration"};
        check.service_name = service->second.name;
        check.service_tags = service->second.tags;
      }
      checks[check.check_id.str()] = check;
    }
    return {};
  }

  Status change(const model::DeregisterCommand& command) {
    if (!command.service_id.empty()) {
      services.erase(command.service_id);
      std::erase_if(checks, [&](const auto& entry) { return entry.second.service_id == command.service_id; });
    } else if (!command.check_id.empty()) {
      checks.erase(command.check_id);
    } else {
      node.reset();
      services.clear();
      checks.clear();
    }
    return {};
  }

  template <class C>
  Status change(const C&) {
    return {Code::kInternal, "not for the catalog"};
  }

  env::Env& env_;
  Index index_ = 0;
  std::map<std::uint64_t, Watch*> watches_;  // in the order in which they came: a seed is one history
  std::uint64_t next_watch_ = 0;
  std::vector<std::weak_ptr<std::unique_ptr<env::Timer>>> timers_;
};

}  // namespace discovery::agent
