#include "lib/http/context.h"

#include <functional>

namespace discovery::http {

bool CacheNotes::note(std::string_view spelling) {
  const std::uint64_t hash = std::hash<std::string_view>{}(spelling) | 1;  // 0 is an empty slot
  std::uint64_t& slot = hashes_[(hash >> 1) % kSlots];
  const bool known = slot == hash;
  slot = hash;
  return known;
}

}  // namespace discovery::http
