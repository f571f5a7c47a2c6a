#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <discovery/types.h>

#include "lib/http/context.h"
#include "lib/http/params.h"
#include "lib/http1/message.h"

namespace discovery::http {

/// The methods that an endpoint can have.
enum class Method : std::uint8_t { kGet, kPut, kPost, kDelete, kOptions, kOther };

/// The method of that name; they compare with their case.
Method parse_method(std::string_view name) noexcept;

/// A request on its way to an endpoint: taken apart, decoded, matched with a route. All views end with the
/// call that it was handed in by. Threads: not shared.
struct Request {
  /// The headers that the API knows; empty where they are missing.
  struct Headers {
    std::string_view token;          ///< X-Consul-Token
    std::string_view authorization;  ///< Authorization
    std::string_view name_space;     ///< X-Consul-Namespace
    std::string_view cache_control;
    std::string_view accept_encoding;
    std::string_view accept;
  };

  Request(Context& for_context, http1::Request& for_message);

  Context& context;
  http1::Request& message;  ///< the body may be taken
  const Method method;
  const Headers headers;
  std::string_view path{};  ///< decoded
  std::string_view tail{};  ///< what of the path follows the route's prefix: a key, a name
  Params params{};

  /// The token: the first of `?token`, X-Consul-Token and `Authorization: Bearer` that is there.
  std::string token() const;
  /// Who asks, and with `?dc` where.
  Call call() const { return {.token = token(), .datacenter = std::string(params.get("dc"))}; }
};

}  // namespace discovery::http
