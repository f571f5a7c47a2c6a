#include "lib/model/kv_entry.h"

#include <cassert>
#include <cstring>
#include <limits>
#include <new>

namespace discovery::model {
namespace {

std::uint32_t size_of(std::string_view text) {
  assert(text.size() <= std::numeric_limits<std::uint32_t>::max());
  return static_cast<std::uint32_t>(text.size());
}

char* append(char* to, std::string_view text) {
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

}  // namespace

KvEntryRef KvEntry::make(std::string_view key, std::string_view value, const Attributes& attributes) {
  void* memory = ::operator new(sizeof(KvEntry) + key.size() + value.size() + attributes.session.size());
  auto* entry = ::new (memory) KvEntry();
  entry->key_size_ = size_of(key);
  entry->value_size_ = size_of(value);
  entry->session_size_ = size_of(attributes.session);
  entry->flags_ = attributes.flags;
  entry->lock_index_ = attributes.lock_index;
  entry->create_index_ = attributes.create_index;
  entry->modify_index_ = attributes.modify_index;
  char* end = append(reinterpret_cast<char*>(entry + 1), key);
  end = append(end, value);
  append(end, attributes.session);
  return KvEntryRef::adopt(entry);
}

void KvEntry::destroy(const KvEntry* entry) noexcept {
  entry->~KvEntry();
  ::operator delete(const_cast<KvEntry*>(entry));
}

}  // namespace discovery::model
