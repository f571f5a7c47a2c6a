#include "lib/http/router.h"

#include <algorithm>
#include <array>

namespace discovery::http {
namespace {

constexpr std::size_t kMaxDepth = 8;

}  // namespace

Router::Router(std::span<const Route> routes) {
  for (const Route& route : routes) {
    matches_[route.pattern] = {.route = &route};
    longest_pattern_ = std::max(longest_pattern_, route.pattern.size());
    const auto slashes =
        static_cast<std::size_t>(std::count(route.pattern.begin(), route.pattern.end(), '/'));
    deepest_pattern_ = std::clamp(slashes, deepest_pattern_, kMaxDepth);
  }
  for (const Route& route : routes) {
    if (!route.pattern.ends_with('/')) continue;
    matches_.try_emplace(route.pattern.substr(0, route.pattern.size() - 1), Match{.add_slash = true});
  }
}

Router::Match Router::find(std::string_view path) const {
  if (path.size() <= longest_pattern_) {
    if (const auto found = matches_.find(path); found != matches_.end()) return found->second;
  }
  std::array<std::size_t, kMaxDepth> ends;
  std::size_t depth = 0;
  for (std::size_t at = 0; at < path.size() && at < longest_pattern_ && depth < deepest_pattern_; ++at) {
    if (path[at] == '/') ends[depth++] = at + 1;
  }
  while (depth > 0) {
    const auto found = matches_.find(path.substr(0, ends[--depth]));
    if (found != matches_.end()) return found->second;
  }
  return {};
}

}  // namespace discovery::http
