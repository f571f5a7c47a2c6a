#pragma once

/// \file
/// A whole agent's HTTP API without sockets, under virtual time: what the fuzz target for it asks, and what
/// must be true of its state after whatever it was asked.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "lib/agent/local_agent.h"
#include "lib/agent/node_events.h"
#include "lib/api/settings.h"
#include "lib/base/strings.h"
#include "lib/env/sim_env.h"
#include "lib/http/api.h"
#include "lib/server/server.h"
#include "tests/http/fakes.h"

namespace discovery::fuzz {

/// Ends the program with a word on what did not hold.
inline void require(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "does not hold: %s\n", what.c_str());
  std::abort();
}

/// One answer.
struct Answered {
  int status = 0;
  std::string body{};
  std::string content_type{};
  std::optional<std::uint64_t> index{};  ///< X-Consul-Index
};

class ApiWorld {
 public:
  ApiWorld()
      : machine_(simulation_.add_env("server")),
        config_(make_config(machine_)),
        identity_(api::make_identity(config_, "8d85027d-1b8b-63af-a8a8-08c1179ed0a3")),
        server_(std::make_unique<server::Server>(machine_, api::server_options(config_, identity_))),
        agent_(
            std::make_unique<agent::NodeAgent>(machine_, *server_, identity_, agent::NodeAgent::Options())),
        events_(std::make_unique<agent::NodeEvents>(
            agent::NodeEvents::Parts{machine_, config_.node_name, config_.datacenter,
                                     [this](const auto& fits) { return agent_->any_service(fits); }})),
        api_(*server_, *agent_, machine_, api::http_options(config_), {.events = events_.get()}) {
    require(server_->start().ok(), "the server starts");
    agent_->sync_after_start();
  }
  /// Those who still wait are answered through the API when the agent and the server go.
  ~ApiWorld() {
    events_.reset();
    agent_.reset();
    server_.reset();
  }
  ApiWorld(const ApiWorld&) = delete;
  ApiWorld& operator=(const ApiWorld&) = delete;

  /// Asks, and lets time pass until there is an answer; every request gets one, within the longest wait.
  Answered ask(std::string_view method, const std::string& target, std::string body) {
    http::testing::Kept kept;
    http1::Request request;
    request.method = method;
    request.target = target;
    request.host = "agent";
    request.remote_address = "10.0.0.9";
    request.content_length = body.size();
    request.body_too_large = body.size() > api_.body_limit(request);
    if (!request.body_too_large) request.body = std::move(body);
    simulation_.run_for(Duration::zero());
    machine_.post([&] { api_.handle(request, http1::Responder(kept)); });
    const auto answered = [&] { return kept.response.has_value() || kept.abandoned; };
    require(simulation_.run_until(answered, std::chrono::minutes(15)),
            "every request is answered: " + target);
    require(!kept.abandoned, "no request is given up: " + target);
    Answered answer{kept.status(), kept.body(), kept.header("Content-Type")};
    if (const std::string index = kept.header("X-Consul-Index"); index != "-")
      answer.index = std::stoull(index);
    return answer;
  }

  void pass_time(Duration span) { simulation_.run_for(span); }

  template <class Rows>
  Rows rows(model::Query query) {
    std::optional<Rows> found;
    server_->query(std::move(query), {}).then([&](const Result<model::Answer>& answer) {
      require(answer.ok(), "the state can be asked");
      found = std::get<Rows>(answer->value());
    });
    require(simulation_.run_until([&] { return found.has_value(); }, std::chrono::minutes(1)),
            "the state answers");
    return *std::move(found);
  }

 private:
  static agent::Config make_config(env::SimEnv& machine) {
    agent::Config config;
    config.node_name = "one";
    config.dev_mode = true;
    config.bind_addr = machine.address();
    config.client_addr = {machine.address()};
    return config;
  }

  env::Simulation simulation_{1};
  env::SimEnv& machine_;
  const agent::Config config_;
  const agent::AgentIdentity identity_;
  std::unique_ptr<server::Server> server_;
  std::unique_ptr<agent::NodeAgent> agent_;
  std::unique_ptr<agent::NodeEvents> events_;
  http::Api api_;
};

/// Whether the lists of the catalog, the sessions and the keys say the same of each other.
class Consistency {
 public:
  explicit Consistency(ApiWorld& world) : world_(world) {}

  void check() {
    check_services(gather_nodes());
    check_checks();
    check_sessions();
    check_keys();
  }

 private:
  /// A node and an id of something on it; neither regards case.
  using Instance = std::pair<std::string, std::string>;
  static std::string lower(const model::Text& text) { return base::to_lower(text.view()); }

  /// The instances by service, as their nodes list them.
  std::map<std::string, std::set<Instance>> gather_nodes() {
    nodes_.clear();
    instances_.clear();
    std::map<std::string, std::set<Instance>> services;
    for (const model::NodePtr& node : world_.rows<model::Nodes>(model::ListNodes{})) {
      require(nodes_.insert(lower(node->name)).second, "a node is listed once");
      const auto its =
          world_.rows<model::NodeServices>(model::GetNodeServices{std::string(node->name.view())});
      require(its.node && its.node->name == node->name, "a node that is listed is found");
      for (const model::ServicePtr& service : its.services) {
        Instance instance{lower(node->name), lower(service->id)};
        require(instances_.insert(instance).second, "an instance is listed once");
        services[std::string(service->name.view())].insert(std::move(instance));
      }
    }
    return services;
  }

  void check_services(const std::map<std::string, std::set<Instance>>& services) {
    const auto listed = world_.rows<model::ServiceTags>(model::ListServices{});
    require(listed.size() == services.size(), "the list of services is that of the nodes' services");
    for (const auto& [name, tags] : listed) {
      const std::string spelled(name.view());
      require(services.contains(spelled), "a service that is listed has instances");
      std::set<Instance> of_nodes;  // under any spelling
      for (const auto& [other, instances] : services) {
        if (base::equal_ignoring_case(other, spelled)) of_nodes.insert(instances.begin(), instances.end());
      }
      std::set<std::string> seen_tags;
      std::set<Instance> seen;
      for (const auto& row : world_.rows<model::ServiceNodes>(model::ListServiceInstances{spelled, {}, {}})) {
        seen.emplace(lower(row.node->name), lower(row.service->id));
        if (row.service->name != name) continue;
        for (const auto& tag : row.service->tags) seen_tags.emplace(tag.view());
      }
      require(seen == of_nodes, "a service's instances are those of the nodes");
      std::set<std::string> listed_tags;
      for (const auto& tag : tags) listed_tags.emplace(tag.view());
      require(listed_tags == seen_tags, "a service's tags are those of its instances");
      check_health(spelled, of_nodes);
    }
  }

  void check_health(const std::string& name, const std::set<Instance>& instances) {
    std::set<Instance> seen;
    std::size_t passing = 0;
    for (const auto& row : world_.rows<model::CheckServiceNodes>(model::ListServiceHealth{name, {}, {}})) {
      seen.emplace(lower(row.node->name), lower(row.service->id));
      bool passes = true;
      for (const model::CheckPtr& check : row.checks) {
        require(lower(check->node) == lower(row.node->name), "a row's checks are of its node");
        require(check->service_id.view().empty() || lower(check->service_id) == lower(row.service->id),
                "a row's checks are of its node or instance");
        passes = passes && check->status.view() == model::kPassing;
      }
      passing += passes ? 1 : 0;
    }
    require(seen == instances, "the health of a service has a row for each instance");
    const auto only = world_.rows<model::CheckServiceNodes>(model::ListServiceHealth{name, {}, {}, true});
    require(only.size() == passing, "those that pass are those whose checks all pass");
  }

  void check_checks() {
    std::size_t sum = 0;
    for (const std::string& node : nodes_)
      sum += world_.rows<model::Checks>(model::ListNodeChecks{node}).size();
    checks_.clear();
    const auto all = world_.rows<model::Checks>(model::ListChecksInState{"any", {}});
    require(all.size() == sum, "all checks are those of the nodes");
    for (const model::CheckPtr& check : all) {
      require(nodes_.contains(lower(check->node)), "a check has a node");
      checks_[{lower(check->node), lower(check->check_id)}] = check->status.view();
      if (check->service_id.view().empty()) continue;
      // It shows the name that the service had when the check was registered, as Consul's do.
      require(instances_.contains({lower(check->node), lower(check->service_id)}),
              "a check of a service has its instance");
    }
  }

  void check_sessions() {
    sessions_.clear();
    for (const model::SessionPtr& session : world_.rows<model::Sessions>(model::ListSessions{})) {
      sessions_.emplace(session->id.view());
      require(nodes_.contains(lower(session->node)), "a session has a node");
      model::for_each_check(*session, [&](const model::Text& id) {
        const auto check = checks_.find({lower(session->node), lower(id)});
        require(check != checks_.end(), "a session's checks exist");
        require(check->second != model::kCritical, "a session's checks are not critical");
      });
    }
    std::size_t sum = 0;
    for (const std::string& node : nodes_)
      sum += world_.rows<model::Sessions>(model::ListNodeSessions{node}).size();
    require(sum == sessions_.size(), "all sessions are those of the nodes");
  }

  void check_keys() {
    const auto entries = world_.rows<model::KvEntries>(model::ListKeysWithValues{""});
    const auto names = world_.rows<model::Names>(model::ListKeys{"", ""});
    require(names.size() == entries.size(), "there are as many keys as entries");
    for (std::size_t at = 0; at < entries.size(); ++at) {
      const model::KvEntry& entry = *entries[at];
      require(entry.key() == names[at], "the keys are those of the entries");
      require(entry.session().empty() || sessions_.contains(std::string(entry.session())),
              "who holds a lock is there");
      require(entry.create_index() <= entry.modify_index(), "an entry is made before it is changed");
      const auto one = world_.rows<model::KvEntries>(model::GetKey{std::string(entry.key())});
      require(one.size() == 1 && one[0]->value() == entry.value(), "an entry that is listed is found");
    }
  }

  ApiWorld& world_;
  std::set<std::string> nodes_;
  std::set<Instance> instances_;
  std::map<Instance, std::string> checks_;  // by node and check, and their status
  std::set<std::string> sessions_;
};

}  // namespace discovery::fuzz
