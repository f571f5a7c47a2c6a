#include "lib/health/history.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "lib/base/strings.h"

namespace discovery::health {

std::uint8_t History::index_of(std::string_view state) {
  const auto* const found = std::find(std::begin(kWords), std::end(kWords), state);
  return found == std::end(kWords) ? kNone : static_cast<std::uint8_t>(found - std::begin(kWords));
}

void History::add(Transition transition) {
  if (transition.output.size() > kMaxOutput) {
    std::size_t size = kMaxOutput;  // not inside a code point
    while (size > 0 && (static_cast<unsigned char>(transition.output[size]) & 0xC0) == 0x80) --size;
    transition.output.resize(size);
  }
  transition.output.shrink_to_fit();
  if (ring_.size() < kMaxTransitions) {
    if (ring_.size() == ring_.capacity())
      ring_.reserve(std::min(kMaxTransitions, ring_.size() + ring_.size() / 2 + 1));
    ring_.push_back(std::move(transition));
    return;
  }
  ring_[forgotten_++ % kMaxTransitions] = std::move(transition);
}

std::vector<History::Transition> History::list() const {
  std::vector<Transition> all = ring_;
  std::rotate(all.begin(),
              all.begin() + static_cast<std::ptrdiff_t>(forgotten_ % kMaxTransitions) *
                                static_cast<std::ptrdiff_t>(ring_.size() == kMaxTransitions),
              all.end());
  return all;
}

}  // namespace discovery::health
