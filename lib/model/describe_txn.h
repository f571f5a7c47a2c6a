#pragma once

/// \file
/// The form in which operations of a transaction are written, in bodies and in the log: an object with one
/// member, called after the kind of the operation, as {"KV": {...}}.

#include <optional>
#include <string_view>
#include <utility>

#include "lib/model/txn.h"

namespace discovery::model {

/// One operation that is read. `Kv` is what one on a key looks like there: it has a member `operation`.
/// Operations on sessions are in the log, but not in bodies.
template <class Kv, bool kReadsSessions = false>
struct TxnOperationForm {
  std::optional<TxnOperation> operation;  ///< empty where no kind was named
};

namespace detail {

/// Reads the member called `kind`. Of several the first counts, as Consul has it.
template <class Form, class Archive>
void read_txn_kind(Archive& archive, std::string_view kind, std::optional<TxnOperation>& out) {
  std::optional<Form> form;
  archive.field(kind, form);
  if (!form || out) return;
  if constexpr (requires { form->operation; }) {
    out.emplace(std::move(form->operation));
  } else {
    out.emplace(*std::move(form));
  }
}

}  // namespace detail

template <class Archive, class Kv, bool kReadsSessions>
void describe(Archive& archive, TxnOperationForm<Kv, kReadsSessions>& form) {
  form.operation.reset();
  detail::read_txn_kind<Kv>(archive, kTxnKinds[0], form.operation);
  detail::read_txn_kind<NodeOperation>(archive, kTxnKinds[1], form.operation);
  detail::read_txn_kind<ServiceOperation>(archive, kTxnKinds[2], form.operation);
  detail::read_txn_kind<CheckOperation>(archive, kTxnKinds[3], form.operation);
  if constexpr (kReadsSessions) {
    detail::read_txn_kind<SessionOperation>(archive, kTxnKinds[4], form.operation);
  }
}

}  // namespace discovery::model
