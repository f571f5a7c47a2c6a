#include "lib/model/answer.h"

#include <type_traits>
#include <utility>

namespace discovery::model {
namespace {

std::size_t heap_bytes(const std::string& text) { return text.size() < 16 ? 0 : text.capacity(); }

template <class Row>
std::size_t row_bytes(const Row& row) {
  std::size_t bytes = sizeof row;
  if constexpr (std::is_same_v<Row, std::string>) {
    bytes += heap_bytes(row);
  } else if constexpr (std::is_same_v<Row, ServiceTags::value_type>) {
    bytes += row.second.capacity() * sizeof row.first;  // the texts share their bytes with the state
  } else if constexpr (std::is_same_v<Row, CheckServiceNode>) {
    bytes += row.checks.capacity() * sizeof(CheckPtr);
  }
  return bytes;
}

}  // namespace

std::size_t value_rows(const Value& value) {
  return std::visit(
      [](const auto& rows) -> std::size_t {
        if constexpr (requires { rows.size(); }) {
          return rows.size();
        } else if constexpr (std::is_same_v<std::decay_t<decltype(rows)>, TxnResults>) {
          return rows.rows.size();
        } else {
          return rows.services.size();
        }
      },
      value);
}

std::size_t value_bytes(const Value& value) {
  return std::visit(
      [](const auto& rows) -> std::size_t {
        if constexpr (std::is_same_v<std::decay_t<decltype(rows)>, NodeServices>) {
          return rows.services.size() * sizeof(ServicePtr);
        } else if constexpr (std::is_same_v<std::decay_t<decltype(rows)>, TxnResults>) {
          return rows.rows.size() * sizeof(TxnRow) + rows.errors.size() * sizeof(TxnError);
        } else {
          std::size_t bytes = 0;
          for (const auto& row : rows) bytes += row_bytes(row);
          return bytes;
        }
      },
      value);
}

SharedAnswer::SharedAnswer(Value value, Ledger ledger)
    : value_(std::move(value)), ledger_(std::move(ledger)) {
  if (ledger_) count(sizeof *this + value_bytes(value_));
}

void SharedAnswer::count(std::size_t bytes) const noexcept {
  if (!ledger_) return;
  counted_.fetch_add(bytes, std::memory_order_relaxed);
  ledger_->fetch_add(bytes, std::memory_order_relaxed);
}

void SharedAnswer::leave_ledger() const noexcept {
  if (ledger_) ledger_->fetch_sub(counted_.exchange(0), std::memory_order_relaxed);
}

SharedAnswer::Bytes SharedAnswer::find(Form form) const noexcept {
  const Bytes* made = forms_[static_cast<std::size_t>(form)].load(std::memory_order_acquire);
  return made == nullptr ? nullptr : *made;
}

SharedAnswer::Bytes SharedAnswer::bytes(Form form,
                                        const std::function<std::string(const Value&)>& render) const {
  auto& slot = forms_[static_cast<std::size_t>(form)];
  if (const Bytes* made = slot.load(std::memory_order_acquire)) return *made;
  auto fresh = std::make_unique<const Bytes>(std::make_shared<const std::string>(render(value_)));
  const Bytes* winner = nullptr;
  if (slot.compare_exchange_strong(winner, fresh.get(), std::memory_order_acq_rel,
                                   std::memory_order_acquire)) {
    winner = fresh.release();
    count((*winner)->size());
  }
  return *winner;
}

SharedAnswer::~SharedAnswer() {
  leave_ledger();
  for (auto& form : forms_) delete form.load(std::memory_order_acquire);
}

}  // namespace discovery::model
