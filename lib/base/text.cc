#include "lib/base/text.h"

#include <bit>
#include <cstring>
#include <new>

namespace discovery::base {

static_assert(std::endian::native == std::endian::little, "the lowest byte of a word must come first");

Text::Text(std::string_view text) {
  if (text.size() <= kInline) {
    bits_ = kEmpty | text.size() << 1;
    if (!text.empty()) std::memcpy(reinterpret_cast<char*>(&bits_) + 1, text.data(), text.size());
    return;
  }
  void* memory = ::operator new(sizeof(Block) + text.size());
  auto* block = ::new (memory) Block{{1}, static_cast<std::uint32_t>(text.size())};
  std::memcpy(block->text(), text.data(), text.size());
  bits_ = reinterpret_cast<std::uintptr_t>(block);
}

void Text::release() noexcept {
  Block* mine = block();
  if (mine->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  mine->~Block();
  ::operator delete(mine);
}

std::string Text::joined(std::string_view a, std::string_view b) {
  std::string text;
  text.reserve(a.size() + b.size());
  text += a;
  text += b;
  return text;
}

}  // namespace discovery::base
