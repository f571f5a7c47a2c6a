#include <algorithm>
#include <utility>

#include <discovery/kv_store.h>

#include "lib/api/agent_core.h"
#include "lib/api/watch_source.h"

namespace discovery::inline v0 {
namespace {

using api::AgentCore;
using api::CallKind;
using api::Completion;
using api::to_model;

KvPair to_pair(const model::KvEntry& entry) {
  return {std::string(entry.key()),    std::string(entry.value()), entry.flags(),
          entry.create_index(),        entry.modify_index(),       entry.lock_index(),
          std::string(entry.session())};
}

std::shared_ptr<const std::optional<KvPair>> to_key(const model::Value& value) {
  const auto& entries = std::get<model::KvEntries>(value);
  if (entries.empty()) return std::make_shared<const std::optional<KvPair>>();
  return std::make_shared<const std::optional<KvPair>>(to_pair(*entries.front()));
}

std::shared_ptr<const KvPairs> to_pairs(const model::Value& value) {
  const auto& entries = std::get<model::KvEntries>(value);
  KvPairs pairs;
  pairs.reserve(entries.size());
  for (const model::KvEntryRef& entry : entries) pairs.push_back(to_pair(*entry));
  return std::make_shared<const KvPairs>(std::move(pairs));
}

/// Asks a query and shows its answer as a T.
template <class T, class Convert>
Async<View<T>> ask(AgentCore& core, model::Query query, model::Read read, Convert convert) {
  const Call call = read.call;
  return core.ask<View<T>>(
      call, CallKind::kRead,
      [query = std::make_unique<model::Query>(std::move(query)), read = std::move(read), convert](
          const AgentCore::Parts& parts, Completion<View<T>> done) mutable {
        parts.backend->query(std::move(*query), std::move(read))
            .then([done = std::move(done), convert](const Result<model::Answer>& answer) mutable {
              if (!answer.ok()) return done(answer.status());
              done(View<T>{answer->meta, convert(answer->value())});
            });
      });
}

Status conflict(const std::string& key) {
  return {Code::kConflict, "\"" + key + "\" is not as the call requires; nothing was changed"};
}

model::KvCommand to_command(Put put) {
  model::KvCommand command;
  command.verb = put.if_modified ? model::KvVerb::kCas : model::KvVerb::kSet;
  command.key = std::move(put.key);
  command.value = std::move(put.value);
  command.flags = put.flags;
  command.index = put.if_modified.value_or(0);
  return command;
}

model::KvCommand to_command(Erase erase) {
  model::KvCommand command;
  command.verb = erase.prefix        ? model::KvVerb::kDeleteTree
                 : erase.if_modified ? model::KvVerb::kDeleteCas
                                     : model::KvVerb::kDelete;
  command.key = std::move(erase.key);
  command.index = erase.if_modified.value_or(0);
  return command;
}

model::KvOperation to_operation(Put put) {
  model::KvOperation operation;
  operation.verb = put.if_modified ? "cas" : "set";
  operation.key = std::move(put.key);
  operation.value = std::move(put.value);
  operation.flags = put.flags;
  operation.index = put.if_modified.value_or(0);
  return operation;
}

model::KvOperation to_operation(Erase erase) {
  model::KvOperation operation;
  operation.verb = erase.prefix ? "delete-tree" : erase.if_modified ? "delete-cas" : "delete";
  operation.key = std::move(erase.key);
  operation.index = erase.if_modified.value_or(0);
  return operation;
}

model::KvOperation to_operation(Require require) {
  model::KvOperation operation;
  operation.key = std::move(require.key);
  if (auto* session = std::get_if<std::string>(&require.expected)) {
    operation.verb = "check-session";
    operation.session = std::move(*session);
    return operation;
  }
  operation.index = std::get<Index>(require.expected);
  operation.verb = operation.index == 0 ? "check-not-exists" : "check-index";
  return operation;
}

Async<Index> apply(AgentCore& core, const Call& call, model::KvCommand command) {
  return core.ask<Index>(
      call, CallKind::kWrite,
      [command = std::move(command), call](const AgentCore::Parts& parts, Completion<Index> done) mutable {
        std::string key = command.key;
        parts.backend->apply(std::move(command), call)
            .then([done = std::move(done),
                   key = std::move(key)](const Result<model::Outcome>& outcome) mutable {
              if (!outcome.ok()) return done(outcome.status());
              if (!outcome->result) return done(conflict(key));
              done(outcome->index);
            });
      });
}

/// Why a transaction failed: its first error, with the place of its operation.
Status failure_of(const model::TxnResults& results) {
  if (results.errors.empty()) return {Code::kConflict, "the commit failed; nothing was changed"};
  const model::TxnError& first = results.errors.front();
  return {Code::kConflict,
          "operation " + std::to_string(first.operation) + ": " + first.what + "; nothing was changed"};
}

}  // namespace

KVStore::KVStore(std::shared_ptr<AgentCore> core) : core_(std::move(core)) {}

Async<View<std::optional<KvPair>>> KVStore::get(std::string key, Read read) {
  return ask<std::optional<KvPair>>(*core_, model::GetKey{std::move(key)}, to_model(std::move(read)), to_key);
}

Async<View<KvPairs>> KVStore::list(std::string prefix, Read read) {
  return ask<KvPairs>(*core_, model::ListKeysWithValues{std::move(prefix)}, to_model(std::move(read)),
                      to_pairs);
}

Async<View<std::vector<std::string>>> KVStore::keys(std::string prefix, std::string separator, Read read) {
  const auto to_names = [](const model::Value& value) {
    return std::make_shared<const std::vector<std::string>>(std::get<model::Names>(value));
  };
  return ask<std::vector<std::string>>(*core_, model::ListKeys{std::move(prefix), std::move(separator)},
                                       to_model(std::move(read)), to_names);
}

Async<Index> KVStore::put(Put put, const Call& call) {
  return apply(*core_, call, to_command(std::move(put)));
}

Async<Index> KVStore::erase(Erase erase, const Call& call) {
  if (erase.prefix && erase.if_modified)
    return invalid_argument("Erase::if_modified is about one key, not about a prefix");
  return apply(*core_, call, to_command(std::move(erase)));
}

Async<Index> KVStore::commit(std::vector<KvOperation> operations, const Call& call) {
  model::TxnCommand command;
  for (KvOperation& operation : operations) {
    command.operations.emplace_back(
        std::visit([](auto& kind) { return to_operation(std::move(kind)); }, operation));
  }
  return core_->ask<Index>(
      call, CallKind::kWrite,
      [command = std::make_unique<model::TxnCommand>(std::move(command)), call](
          const AgentCore::Parts& parts, Completion<Index> done) mutable {
        parts.backend->apply(std::move(*command), call)
            .then([done = std::move(done)](const Result<model::Outcome>& outcome) mutable {
              if (!outcome.ok()) return done(outcome.status());
              if (!outcome->result && !outcome->txn) return done(failure_of({}));
              if (!outcome->result)
                return done(failure_of(std::get<model::TxnResults>(outcome->txn->value())));
              done(outcome->index);
            });
      });
}

Watch<std::optional<KvPair>> KVStore::watch_key(std::string key, Read read) {
  return api::make_watch<std::optional<KvPair>>(core_, model::GetKey{std::move(key)},
                                                to_model(std::move(read)), to_key);
}

Watch<KvPairs> KVStore::watch(std::string prefix, Read read) {
  return api::make_watch<KvPairs>(core_, model::ListKeysWithValues{std::move(prefix)},
                                  to_model(std::move(read)), to_pairs);
}

Changes<KvPair> diff(const KvPairs& before, const KvPairs& after) {
  Changes<KvPair> changes;
  auto old = before.begin();
  for (const KvPair& pair : after) {
    for (; old != before.end() && old->key < pair.key; ++old) changes.removed.push_back(*old);
    if (old == before.end() || old->key != pair.key) {
      changes.added.push_back(pair);
      continue;
    }
    if (!(*old == pair)) changes.updated.push_back(pair);
    ++old;
  }
  changes.removed.insert(changes.removed.end(), old, before.end());
  return changes;
}

}  // namespace discovery::inline v0
