#include "lib/balance/urns.h"

namespace discovery::balance {
namespace {

std::uint32_t part(std::uint64_t of, std::uint64_t total) noexcept {
  return static_cast<std::uint32_t>(static_cast<double>(of) / static_cast<double>(total) * 0x1p32);
}

}  // namespace

void Urns::fill(const Roster& roster) {
  urns_.clear();
  const auto candidates = roster.candidates();
  const std::size_t count = count_ = candidates.size();
  if (roster.equal_weights()) return;
  const std::uint64_t total = roster.total_weight();
  urns_.resize(count);
  left_.resize(count);
  order_.resize(count);
  // Those with less than an urn from the front, those with more from the back.
  std::size_t poor = 0;
  std::size_t rich = count;
  for (std::uint32_t i = 0; i < count; ++i) {
    left_[i] = candidates[i].weight * std::uint64_t{count};
    order_[left_[i] < total ? poor++ : --rich] = i;
  }
  // An urn that one does not fill is filled up by one who has more than an urn; who has less than that then,
  // comes next among the poor: its place is right behind theirs.
  std::size_t at = 0;
  for (; at < rich && rich < count; ++at) {
    const std::uint32_t small = order_[at];
    const std::uint32_t large = order_[rich];
    urns_[small] = {part(left_[small], total), large};
    left_[large] -= total - left_[small];
    if (left_[large] < total) ++rich;
  }
  for (; at < count; ++at) urns_[order_[at]] = {UINT32_MAX, order_[at]};
}

}  // namespace discovery::balance
