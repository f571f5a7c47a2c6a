// The body of a transaction: read, completed, carried out on a small state, shown as JSON, and through the
// log and back.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "lib/codec/json_reader.h"
#include "lib/http/v1/txn_bodies.h"
#include "lib/model/command.h"
#include "lib/state/kv.h"
#include "lib/state/txn.h"

namespace {

namespace codec = discovery::codec;
namespace http = discovery::http;
namespace model = discovery::model;
namespace state = discovery::state;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_log(const model::TxnCommand& command) {
  const std::string logged = model::encode(command);
  const auto back = model::decode_command(logged);
  require(back.ok());
  require(model::encode(*back) == logged);
}

void check_shown(const model::TxnResults& results) {
  for (const codec::JsonStyle style : {codec::JsonStyle::kCompact, codec::JsonStyle::kPretty}) {
    std::string json;
    http::v1::render_txn(json, results, style);
    http::v1::append_read_meta(json, {}, style);
    require(codec::parse_json(json, {.allow_trailing_data = false}).ok());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto operations = http::v1::read_operations(input, {.max_operations = 16, .max_value_size = 256});
  if (!operations.ok()) return 0;
  require(operations->size() <= 16);
  const model::ReadTxn read{*operations};
  model::TxnCommand command{*operations};
  check_log(command);

  state::Store store;
  {
    state::Transaction tx = store.begin(1);
    for (const char* key : {"a", "a/b", "c"}) (void)state::apply_kv(tx, {model::KvVerb::kSet, key, "1"});
    tx.commit();
  }
  check_shown(state::read_txn(read, store.snapshot()));
  if (!model::complete(command.operations).empty()) return 0;
  const auto before = store.snapshot().version();
  {
    state::Transaction tx = store.begin(2);
    const model::TxnResults results = state::apply_txn(tx, command);
    check_shown(results);
    if (results.errors.empty()) tx.commit();
    require(store.snapshot().version() == before + (results.errors.empty() ? 1 : 0));
  }
  check_shown(state::read_txn(read, store.snapshot()));
  return 0;
}
