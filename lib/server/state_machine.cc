#include "lib/server/state_machine.h"

#include <memory>
#include <utility>
#include <variant>

#include "lib/state/catalog.h"
#include "lib/state/kv.h"
#include "lib/state/sessions.h"
#include "lib/state/txn.h"

namespace discovery::server {
namespace {

using Applied = Result<model::CommandResult>;

const model::CommandResult kDone{};

Applied change(state::Transaction& tx, const model::RegisterCommand& command) {
  if (Status status = state::register_entity(tx, command); !status.ok()) return status;
  return kDone;
}
Applied change(state::Transaction& tx, const model::DeregisterCommand& command) {
  state::deregister_entity(tx, command);
  return kDone;
}
Applied change(state::Transaction& tx, const model::KvCommand& command) {
  const Result<bool> won = state::apply_kv(tx, command);
  if (!won.ok()) return won.status();
  return model::CommandResult{.won = *won};
}
Applied change(state::Transaction& tx, const model::ReapTombstonesCommand& command) {
  state::reap_tombstones(tx, command);
  return kDone;
}
Applied change(state::Transaction& tx, const model::UpdateCoordinatesCommand& command) {
  state::update_coordinates(tx, command);
  return kDone;
}

Applied change(state::Transaction& tx, const model::SessionCommand& command) {
  const model::Session& session = command.session;
  const bool creates = command.verb == model::SessionVerb::kCreate;
  const Status status = creates ? state::create_session(tx, session) : state::destroy_session(tx, session.id);
  if (!status.ok()) return status;
  return model::CommandResult{.session = creates ? session.id : model::Text()};
}

Applied change(state::Transaction& tx, const model::TxnCommand& command) {
  model::TxnResults results = state::apply_txn(tx, command);
  const bool done = results.errors.empty();
  return model::CommandResult{.won = done,
                              .txn = std::make_shared<const model::SharedAnswer>(std::move(results))};
}

}  // namespace

Applied StateMachine::apply(Index index, const model::Command& command) {
  state::Transaction tx = store_.begin(index);
  Applied result = std::visit([&](const auto& kind) { return change(tx, kind); }, command);
  // What lost a comparison has changed nothing, but a transaction may have until then.
  if (!result.ok() || !result->won) return result;
  const state::Touched touched = tx.commit();
  if (!touched.empty()) observer_(index, touched, std::move(tx.aftermath()));
  return result;
}

}  // namespace discovery::server
