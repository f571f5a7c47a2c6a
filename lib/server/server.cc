#include "lib/server/server.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <variant>

#include "lib/base/strings.h"
#include "lib/env/random.h"
#include "lib/state/sessions.h"

namespace discovery::server {
namespace {

Status no_path() { return {Code::kUnavailable, "No path to datacenter"}; }

template <class Command>
Status check(Command& command) {
  if constexpr (requires { model::validate(command); }) {
    return model::validate(command);
  } else {
    return {};
  }
}

/// Where a command says itself which datacenter it is for.
std::string datacenter_of(const model::Command& command) {
  return std::visit(
      [](const auto& kind) -> std::string {
        if constexpr (requires { kind.datacenter; }) {
          return kind.datacenter;
        } else {
          return {};
        }
      },
      command);
}

Status session_not_found(const std::string& id) {
  return {Code::kNotFound, "Session id '" + id + "' not found"};
}

/// Which operations want a lock that is delayed.
void note_delayed(const model::TxnCommand& txn, LockDelays& delays, std::vector<model::TxnError>& errors) {
  for (std::size_t at = 0; at < txn.operations.size(); ++at) {
    const auto* kv = std::get_if<model::KvOperation>(&txn.operations[at]);
    if (kv == nullptr || model::parse_txn_verb(kv->verb) != model::TxnVerb::kLock) continue;
    if (!delays.holds(kv->key)) continue;
    errors.push_back({at, "failed to lock key " + base::go_quote(kv->key) + " due to lock delay"});
  }
  std::stable_sort(errors.begin(), errors.end(),
                   [](const auto& a, const auto& b) { return a.operation < b.operation; });
}

/// Fills in what a transaction leaves open. What is wrong with it is an outcome too; the log never sees it.
std::optional<model::Outcome> complete(model::TxnCommand& txn, const std::string& datacenter,
                                       LockDelays& delays) {
  for (model::TxnOperation& operation : txn.operations) {
    auto* node = std::get_if<model::NodeOperation>(&operation);
    if (node != nullptr && node->node.datacenter.empty()) node->node.datacenter = datacenter;
  }
  model::TxnResults results;
  results.errors = model::complete(txn.operations);
  note_delayed(txn, delays, results.errors);
  if (results.errors.empty()) return std::nullopt;
  return model::Outcome{.result = false,
                        .txn = std::make_shared<const model::SharedAnswer>(std::move(results))};
}

}  // namespace

Server::Server(env::Env& env, ServerOptions options)
    : env_(env),
      options_(std::move(options)),
      machine_([this](Index index, const state::Touched& touched, const state::Aftermath& aftermath) {
        on_commit(index, touched, aftermath);
      }),
      log_(options_.rpc_address, options_.log_starts_after,
           [this](Index index, const model::Command& command) { return machine_.apply(index, command); }),
      engine_(env, machine_.store(), options_.query_limits),
      reaper_(env,
              [this](Index up_to) {
                apply(model::ReapTombstonesCommand{up_to}, {}).then([](const Result<model::Outcome>&) {});
              }),
      timers_(env, [this](const model::SessionKey& key) { expire(key); }),
      delays_(env.clock()) {}

Server::~Server() = default;

Status Server::start() {
  machine_.store().snapshot().table<state::SessionTable>().scan(
      "", [&](const state::SessionTable::Leaf& leaf) { timers_.add(*leaf.value()); });
  model::RegisterCommand self;
  self.datacenter = options_.datacenter;
  self.id = options_.node.id;
  self.node = options_.node.name;
  self.address = options_.node.address;
  self.tagged_addresses = options_.node.tagged_addresses;
  self.node_meta = options_.node.meta;
  model::ServiceInstance service;
  service.id = model::kConsulService;
  service.name = model::kConsulService;
  service.port = options_.rpc_port;
  service.meta = options_.service_meta;
  self.service = std::move(service);
  model::HealthCheck alive;
  alive.node = options_.node.name;
  alive.check_id = model::kSerfHealth;
  alive.name = "Serf Health Status";
  alive.status = model::kPassing;
  alive.output = "Agent alive and reachable";
  self.check = std::move(alive);

  Status outcome;
  apply_here(std::move(self), {}).then([&](const Result<model::Outcome>& result) {
    outcome = result.status();
  });
  return outcome;
}

bool Server::is_local(const std::string& datacenter) const {
  return datacenter.empty() || datacenter == options_.datacenter;
}

Async<model::Outcome> Server::apply(model::Command command, Call call) {
  if (env_.on_loop()) return apply_here(std::move(command), call);
  struct Held {
    model::Command command;
    Call call;
  };
  return Async<model::Outcome>::pending(
      [this, held = std::make_unique<Held>(Held{std::move(command), std::move(call)})](auto done) mutable {
        env_.post([this, held = std::move(held), done = std::move(done)]() mutable {
          apply_here(std::move(held->command), held->call).then(std::move(done));
        });
      });
}

Async<model::Outcome> Server::apply_here(model::Command command, const Call& call) {
  if (!is_local(call.datacenter) || !is_local(datacenter_of(command))) return no_path();
  if (Status status = prepare(command); !status.ok()) return status;
  if (auto refused = refuse(command)) return *std::move(refused);
  return log_.propose(std::move(command));
}

/// Checks a command, and decides what depends on chance or configuration.
Status Server::prepare(model::Command& command) {
  if (Status status = std::visit([](auto& kind) { return check(kind); }, command); !status.ok())
    return status;
  if (auto* entity = std::get_if<model::RegisterCommand>(&command)) entity->datacenter = options_.datacenter;
  auto* session = std::get_if<model::SessionCommand>(&command);
  if (session == nullptr) return {};
  if (Status status = model::validate(*session, options_.session_ttl_min); !status.ok()) return status;
  if (session->verb == model::SessionVerb::kCreate) session->session.id = new_session_id();
  return {};
}

/// What loses before it comes to the log.
std::optional<model::Outcome> Server::refuse(model::Command& command) {
  if (auto* txn = std::get_if<model::TxnCommand>(&command))
    return complete(*txn, options_.datacenter, delays_);
  const auto* kv = std::get_if<model::KvCommand>(&command);
  if (kv == nullptr || kv->verb != model::KvVerb::kLock || !delays_.holds(kv->key)) return std::nullopt;
  return model::Outcome{.result = false};
}

model::Text Server::new_session_id() {
  while (true) {
    std::string id = env::random_uuid(env_.random());
    const auto key = model::SessionKey::parse(id);
    if (key.ok() && !state::find_session(machine_.store().snapshot(), *key)) return id;
  }
}

void Server::on_commit(Index index, const state::Touched& touched, const state::Aftermath& aftermath) {
  for (const model::SessionPtr& session : aftermath.made) timers_.add(*session);
  for (const model::SessionPtr& session : aftermath.ended) timers_.remove(*session);
  for (const state::Aftermath::LockDelay& lost : aftermath.delays) delays_.set(lost.key, lost.delay);
  if (aftermath.buried) reaper_.note(index);
  engine_.on_commit(touched);
}

/// A session was not renewed. If this fails, its timer comes again.
void Server::expire(const model::SessionKey& key) {
  const model::SessionPtr session = state::find_session(machine_.store().snapshot(), key);
  if (!session) return;
  model::SessionCommand command;
  command.verb = model::SessionVerb::kDestroy;
  command.session.id = session->id;
  apply_here(std::move(command), {}).then([](const Result<model::Outcome>&) {});
}

Async<model::Answer> Server::query(model::Query query, model::Read read) {
  if (env_.on_loop()) return query_here(std::move(query), std::move(read));
  struct Held {
    model::Query query;
    model::Read read;
  };
  return Async<model::Answer>::pending(
      [this, held = std::make_unique<Held>(Held{std::move(query), std::move(read)})](auto done) mutable {
        env_.post([this, held = std::move(held), done = std::move(done)]() mutable {
          query_here(std::move(held->query), std::move(held->read)).then(std::move(done));
        });
      });
}

Async<model::Answer> Server::query_here(model::Query query, model::Read read) {
  if (!is_local(read.call.datacenter)) return no_path();
  if (const auto* session = std::get_if<model::GetSession>(&query)) {
    if (const auto key = model::SessionKey::parse(session->id); !key.ok()) return key.status();
  }
  Meta meta;
  meta.epoch = 1;
  meta.known_leader = !log_.leader_address().empty();
  const auto cluster_answer = [&](model::Names names) -> Async<model::Answer> {
    return model::Answer{meta, std::make_shared<const model::SharedAnswer>(std::move(names))};
  };
  if (std::holds_alternative<model::ListDatacenters>(query)) return cluster_answer({options_.datacenter});
  if (std::holds_alternative<model::GetLeader>(query)) return cluster_answer({log_.leader_address()});
  if (std::holds_alternative<model::ListPeers>(query)) return cluster_answer(log_.peer_addresses());
  if (read.consistency != Consistency::kConsistent || log_.is_leader()) {
    // A lone leader's state is all that was ever accepted: the barrier is passed before it is asked for.
    return engine_.query(std::move(query), std::move(read), meta);
  }
  return Status(Code::kUnavailable, "No cluster leader");
}

/// A watch is a blocking query that is asked again with each answer's index.
class Server::Watch final : public model::WatchHandle {
 public:
  Watch(Server& server, model::Query query, model::Read read, model::Sink& sink)
      : state_(std::make_shared<State>(server, std::move(query), std::move(read), sink)) {
    server.env_.post([state = state_] { ask(state); });
  }
  ~Watch() override {
    {
      const std::lock_guard lock(
          state_->mutex);  // waits for a running call, unless that is what ends the watch
      state_->sink = nullptr;
      state_->stop.request_stop();
    }
    env::Env& env = state_->server.env_;
    env.post([state = std::move(state_)] {});  // its timer belongs to the loop
  }

 private:
  static constexpr Duration kRetry = std::chrono::seconds(1);

  struct State {
    State(Server& owner, model::Query question, model::Read how, model::Sink& watcher)
        : server(owner), query(std::move(question)), read(std::move(how)), sink(&watcher) {
      read.call.stop = stop.get_token();
      read.min_index = 0;
    }
    Server& server;
    model::Query query;
    model::Read read;
    model::Sink* sink;
    std::stop_source stop;
    std::recursive_mutex mutex;
    std::unique_ptr<env::Timer> pause;
  };

  static void ask(const std::shared_ptr<State>& state) {
    if (state->stop.stop_requested()) return;
    state->server.query_here(state->query, state->read).then([state](const Result<model::Answer>& answer) {
      show(state, answer);
    });
  }

  static void show(const std::shared_ptr<State>& state, const Result<model::Answer>& answer) {
    {
      const std::lock_guard lock(state->mutex);
      if (state->sink == nullptr) return;
      if (!answer.ok()) {
        state->sink->on_error(answer.status());
      } else if (state->read.min_index == 0 || answer->meta.index > state->read.min_index) {
        state->read.min_index = std::max<Index>(answer->meta.index, 1);
        state->sink->on_answer(*answer);
      }
    }
    const Duration pause = answer.ok() ? state->read.pace : kRetry;
    if (pause <= Duration::zero()) return state->server.env_.post([state] { ask(state); });
    if (!state->pause) state->pause = state->server.env_.make_timer();
    state->pause->start(pause, [weak = std::weak_ptr(state)] {
      if (const auto again = weak.lock()) ask(again);
    });
  }

  std::shared_ptr<State> state_;
};

Async<model::SessionPtr> Server::renew_session(std::string id, Call call) {
  if (env_.on_loop()) return renew_here(id, call);
  struct Held {
    std::string id;
    Call call;
  };
  return Async<model::SessionPtr>::pending(
      [this, held = std::make_unique<Held>(Held{std::move(id), std::move(call)})](auto done) mutable {
        env_.post([this, held = std::move(held), done = std::move(done)]() mutable {
          renew_here(held->id, held->call).then(std::move(done));
        });
      });
}

Async<model::SessionPtr> Server::renew_here(const std::string& id, const Call& call) {
  if (!is_local(call.datacenter)) return no_path();
  const auto key = model::SessionKey::parse(id);
  if (!key.ok()) return key.status();
  model::SessionPtr session = state::find_session(machine_.store().snapshot(), *key);
  if (!session || !timers_.renew(*key)) return session_not_found(id);
  return session;
}

std::unique_ptr<model::WatchHandle> Server::watch(model::Query query, model::Read read, model::Sink& sink) {
  return std::make_unique<Watch>(*this, std::move(query), std::move(read), sink);
}

}  // namespace discovery::server
