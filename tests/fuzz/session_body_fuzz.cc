// The body of a new session: read, checked as a server does, made on a small state and shown there, and
// through the log and back.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

#include "lib/codec/json_reader.h"
#include "lib/codec/json_writer.h"
#include "lib/http/v1/session_bodies.h"
#include "lib/model/command.h"
#include "lib/state/catalog.h"
#include "lib/state/reads.h"
#include "lib/state/sessions.h"

namespace {

namespace codec = discovery::codec;
namespace model = discovery::model;
namespace state = discovery::state;

void require(bool condition) {
  if (!condition) std::abort();
}

/// A node "n1" with a check that passes and one that does not.
void fill(state::Store& store) {
  state::Transaction tx = store.begin(1);
  model::RegisterCommand node;
  node.node = "n1";
  node.address = "10.0.0.1";
  for (const std::string_view id : {model::kSerfHealth, std::string_view("bad")}) {
    model::HealthCheck& check = node.checks.emplace_back();
    check.node = "n1";
    check.check_id = id;
    check.status = id == "bad" ? model::kCritical : model::kPassing;
  }
  require(state::register_entity(tx, node).ok());
  tx.commit();
}

void check_log(const model::SessionCommand& command) {
  const std::string logged = model::encode(command);
  const auto back = model::decode_command(logged);
  require(back.ok());
  require(model::encode(*back) == logged);
}

std::size_t count(const state::Store& store, const model::Query& query) {
  return std::get<model::Sessions>(state::evaluate(query, store.snapshot())->value).size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  model::SessionCommand command;
  command.session.node = "n1";
  if (!discovery::http::v1::read_session(input, command.session).ok()) return 0;
  if (!model::validate(command, model::kMinSessionTtl).ok()) return 0;
  require(model::ttl_of(command.session) <= model::kMaxSessionTtl);
  command.session.id = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
  check_log(command);
  require(codec::parse_json(codec::to_json(command.session), {.allow_trailing_data = false}).ok());

  state::Store store;
  fill(store);
  {
    state::Transaction tx = store.begin(2);
    if (!state::create_session(tx, command.session).ok()) return 0;
    tx.commit();
  }
  require(count(store, model::ListSessions{}) == 1);
  require(count(store, model::ListNodeSessions{"n1"}) == 1);
  {
    state::Transaction tx = store.begin(3);
    state::end_sessions_on_node(tx, "n1");
    tx.commit();
  }
  require(count(store, model::ListSessions{}) == 0);
  require(store.snapshot().table<state::SessionCheckTable>().empty());
  return 0;
}
