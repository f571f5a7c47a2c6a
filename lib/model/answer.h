#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <discovery/types.h>

#include "lib/model/query.h"

namespace discovery::model {

/// About how many bytes a value takes beside the records that it shares with the state. Visits the rows.
std::size_t value_bytes(const Value& value);
/// How many rows a value has: entries of a list, instances of a node.
std::size_t value_rows(const Value& value);

/// The result of one evaluation, shared by all who asked the same question: the value, and byte forms of it,
/// made once on demand. (Its index is in Answer::meta: the same value may be true at a later index.) Threads:
/// safe.
class SharedAnswer {
 public:
  /// The forms that front ends keep here: what HTTP sends, plain and compressed.
  enum class Form : std::uint8_t { kJson, kJsonPretty, kJsonGzip, kJsonPrettyGzip, kCount };
  using Bytes = std::shared_ptr<const std::string>;

  /// What answers take in memory, their forms included, summed over those that share the sum. Threads: any.
  using Ledger = std::shared_ptr<std::atomic<std::size_t>>;

  /// `ledger`, if there is one, counts this answer as long as it lives.
  explicit SharedAnswer(Value value, Ledger ledger = {});
  ~SharedAnswer();
  SharedAnswer(const SharedAnswer&) = delete;
  SharedAnswer& operator=(const SharedAnswer&) = delete;

  const Value& value() const noexcept { return value_; }

  /// The bytes of a form; `render` makes them where nobody has yet. Two threads may render at once, one
  /// result stays.
  Bytes bytes(Form form, const std::function<std::string(const Value&)>& render) const;
  /// The bytes of a form if they have been made, else null.
  Bytes find(Form form) const noexcept;

  /// Leaves the ledger: nobody holds it any more, and its memory is freed soon.
  void leave_ledger() const noexcept;

  /// Whether something that the answer was made from has changed since: false means it is still the latest.
  /// One relaxed load, for caches of front ends (DNS).
  bool superseded() const noexcept { return superseded_.load(std::memory_order_acquire); }
  /// Called once by the evaluator, before the change can be seen by a new query.
  void supersede() const noexcept { superseded_.store(true, std::memory_order_release); }

 private:
  void count(std::size_t bytes) const noexcept;

  Value value_;
  const Ledger ledger_;
  mutable std::atomic<std::size_t> counted_{0};
  mutable std::atomic<bool> superseded_{false};
  mutable std::array<std::atomic<const Bytes*>, static_cast<std::size_t>(Form::kCount)> forms_{};
};

/// What a query returned.
struct Answer {
  Meta meta;
  std::shared_ptr<const SharedAnswer> shared;

  const Value& value() const noexcept { return shared->value(); }
};

/// What applying a command came to.
struct CommandResult {
  bool won = true;  ///< false: it lost its comparison, or its transaction failed; nothing was changed
  std::shared_ptr<const SharedAnswer> txn{};  ///< of a transaction: its TxnResults
  Text session{};                             ///< the id of the session that was made
};

/// What a command came to: the index of its log entry (0 where it never reached the log), and its result.
struct Outcome {
  Index index = 0;
  bool result = true;
  std::shared_ptr<const SharedAnswer> txn{};  ///< as CommandResult::txn
  Text session{};                             ///< the id of the session that was made
};

}  // namespace discovery::model
