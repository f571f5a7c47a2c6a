#include "lib/server/state_machine.h"

#include <variant>

#include "lib/state/catalog.h"
#include "lib/state/kv.h"

namespace discovery::server {
namespace {

using Applied = Result<model::CommandResult>;

Applied change(state::Transaction& tx, const model::RegisterCommand& command) {
  if (Status status = state::register_entity(tx, command); !status.ok()) return status;
  return true;
}
Applied change(state::Transaction& tx, const model::DeregisterCommand& command) {
  state::deregister_entity(tx, command);
  return true;
}
Applied change(state::Transaction& tx, const model::KvCommand& command) {
  return state::apply_kv(tx, command);
}
Applied change(state::Transaction& tx, const model::ReapTombstonesCommand& command) {
  state::reap_tombstones(tx, command);
  return true;
}
Applied change(state::Transaction& tx, const model::UpdateCoordinatesCommand& command) {
  state::update_coordinates(tx, command);
  return true;
}

}  // namespace

Applied StateMachine::apply(Index index, const model::Command& command) {
  state::Transaction tx = store_.begin(index);
  Applied result = std::visit([&](const auto& kind) { return change(tx, kind); }, command);
  if (!result.ok()) return result;
  const state::Touched touched = tx.commit();
  if (!touched.empty()) observer_(touched);
  return result;
}

}  // namespace discovery::server
