#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include <discovery/types.h>

#include "lib/model/query.h"

namespace discovery::model {

/// The result of one evaluation, shared by all who asked the same question: the value, and byte forms of it,
/// made once on demand. (Its index is in Answer::meta: the same value may be true at a later index.) Threads:
/// safe.
class SharedAnswer {
 public:
  /// The forms that front ends keep here: what HTTP sends, plain and compressed.
  enum class Form : std::uint8_t { kJson, kJsonPretty, kJsonGzip, kJsonPrettyGzip, kCount };
  using Bytes = std::shared_ptr<const std::string>;

  explicit SharedAnswer(Value value) : value_(std::move(value)) {}
  ~SharedAnswer();
  SharedAnswer(const SharedAnswer&) = delete;
  SharedAnswer& operator=(const SharedAnswer&) = delete;

  const Value& value() const noexcept { return value_; }

  /// The bytes of a form; `render` makes them where nobody has yet. Two threads may render at once, one
  /// result stays.
  Bytes bytes(Form form, const std::function<std::string(const Value&)>& render) const;

  /// Whether something that the answer was made from has changed since: false means it is still the latest.
  /// One relaxed load, for caches of front ends (DNS).
  bool superseded() const noexcept { return superseded_.load(std::memory_order_acquire); }
  /// Called once by the evaluator, before the change can be seen by a new query.
  void supersede() const noexcept { superseded_.store(true, std::memory_order_release); }

 private:
  Value value_;
  mutable std::atomic<bool> superseded_{false};
  mutable std::array<std::atomic<const Bytes*>, static_cast<std::size_t>(Form::kCount)> forms_{};
};

/// What a query returned.
struct Answer {
  Meta meta;
  std::shared_ptr<const SharedAnswer> shared;

  const Value& value() const noexcept { return shared->value(); }
};

/// What a command came to: the index of its log entry, and its result.
struct Outcome {
  Index index = 0;
  bool result = true;
};

}  // namespace discovery::model
