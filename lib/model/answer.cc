#include "lib/model/answer.h"

namespace discovery::model {

SharedAnswer::Bytes SharedAnswer::bytes(Form form,
                                        const std::function<std::string(const Value&)>& render) const {
  auto& slot = forms_[static_cast<std::size_t>(form)];
  if (const Bytes* made = slot.load(std::memory_order_acquire)) return *made;
  auto fresh = std::make_unique<const Bytes>(std::make_shared<const std::string>(render(value_)));
  const Bytes* winner = nullptr;
  if (slot.compare_exchange_strong(winner, fresh.get(), std::memory_order_acq_rel,
                                   std::memory_order_acquire)) {
    winner = fresh.release();
  }
  return *winner;
}

SharedAnswer::~SharedAnswer() {
  for (auto& form : forms_) delete form.load(std::memory_order_acquire);
}

}  // namespace discovery::model
