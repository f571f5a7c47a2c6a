#include "lib/model/event.h"

#include <charconv>
#include <initializer_list>
#include <utility>

#include "lib/base/uuid.h"
#include "lib/filter/pattern.h"

namespace discovery::model {

Status validate(const UserEvent& event) {
  if (event.name.empty()) return invalid_argument("User event missing name");
  if (!event.tag_filter.empty() && event.service_filter.empty()) {
    return invalid_argument("Cannot provide tag filter without service filter");
  }
  for (const auto& [what, filter] : {std::pair<const char*, const std::string&>("node", event.node_filter),
                                     {"service", event.service_filter},
                                     {"tag", event.tag_filter}}) {
    if (filter.empty()) continue;
    if (const auto pattern = filter::Pattern::compile(filter); !pattern.ok()) {
      return invalid_argument("Invalid " + std::string(what) +
                              " filter: " + std::string(pattern.status().message()));
    }
  }
  return {};
}

Index event_index(std::string_view id) {
  constexpr int kHexadecimal = 16;
  constexpr std::size_t kHalf = 16;  // digits
  if (!base::is_uuid(id)) return 1;
  std::string digits;
  for (const char c : id) {
    if (c != '-') digits += c;
  }
  std::uint64_t upper = 0;
  std::uint64_t lower = 0;
  const char* const begin = digits.data();
  std::from_chars(begin, begin + kHalf, upper, kHexadecimal);
  std::from_chars(begin + kHalf, begin + digits.size(), lower, kHexadecimal);
  return upper ^ lower;
}

}  // namespace discovery::model
