#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>

#include "lib/http/reply.h"
#include "lib/http/request.h"

namespace discovery::http {

/// The methods of an endpoint.
struct Methods {
  std::uint8_t bits = 0;     ///< 0: the endpoint looks at the method itself
  std::string_view allow{};  ///< as the header Allow lists them

  constexpr bool has(Method method) const noexcept {
    return (bits >> static_cast<unsigned>(method) & 1U) != 0;
  }
};

/// Answers a request, now or later.
using Endpoint = void(Request& request, Reply reply);

/// One row of the table of endpoints.
struct Route {
  std::string_view pattern;  ///< a path; with a slash at its end, all paths below it as well
  Methods methods;
  Endpoint* endpoint;  ///< null: known, but not available yet
};

/// Every endpoint of the API (https://developer.hashicorp.com/consul/api-docs, as of Consul 1.10).
std::span<const Route> routes();

/// Finds the route of a path, by the rules of Go's http.ServeMux: an exact match, else the longest pattern
/// with a slash at its end that the path starts with. A lookup takes a few hash probes and no memory.
/// Threads: safe, once constructed.
class Router {
 public:
  explicit Router(std::span<const Route> routes);

  /// Where a path leads.
  struct Match {
    const Route* route = nullptr;  ///< null: nowhere
    bool add_slash = false;        ///< to be redirected to the path with a slash behind it
  };
  Match find(std::string_view path) const;

 private:
  std::unordered_map<std::string_view, Match> matches_;
  std::size_t longest_pattern_ = 0;
  std::size_t deepest_pattern_ = 0;  ///< in slashes
};

}  // namespace discovery::http
