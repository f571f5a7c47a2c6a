#include "lib/http/request.h"

#include <algorithm>

#include "lib/base/strings.h"

namespace discovery::http {
namespace {

/// One pass over the headers; the lengths of their names tell almost all of them apart.
Request::Headers known_headers(std::span<const http1::Header> headers) {
  Request::Headers known;
  const auto take = [](std::string_view& slot, const http1::Header& header, std::string_view name) {
    if (slot.empty() && base::equal_ignoring_case(header.name, name)) slot = header.value;
  };
  for (const http1::Header& header : headers) {
    switch (header.name.size()) {
      case 6:
        take(known.accept, header, "Accept");
        break;
      case 13:
        take(known.authorization, header, "Authorization");
        take(known.cache_control, header, "Cache-Control");
        break;
      case 14:
        take(known.token, header, "X-Consul-Token");
        break;
      case 15:
        take(known.accept_encoding, header, "Accept-Encoding");
        break;
      case 18:
        take(known.name_space, header, "X-Consul-Namespace");
        break;
      default:
        break;
    }
  }
  return known;
}

/// The token of `Bearer <token>`; what follows a second space is not looked at.
std::string_view bearer_token(std::string_view authorization) {
  const std::size_t space = authorization.find(' ');
  if (space == std::string_view::npos) return {};
  if (!base::equal_ignoring_case(authorization.substr(0, space), "bearer")) return {};
  const std::string_view rest = authorization.substr(space + 1);
  return base::trim(rest.substr(0, rest.find(' ')));
}

}  // namespace

Method parse_method(std::string_view name) noexcept {
  if (name == "GET") return Method::kGet;
  if (name == "PUT") return Method::kPut;
  if (name == "POST") return Method::kPost;
  if (name == "DELETE") return Method::kDelete;
  if (name == "OPTIONS") return Method::kOptions;
  return Method::kOther;
}

Request::Request(Context& for_context, http1::Request& for_message)
    : context(for_context),
      message(for_message),
      method(parse_method(for_message.method)),
      headers(known_headers(for_message.headers)) {}

std::string Request::token() const {
  if (const std::string_view token = params.get("token"); !token.empty()) return std::string(token);
  if (!headers.token.empty()) return std::string(headers.token);
  return std::string(bearer_token(headers.authorization));
}

}  // namespace discovery::http
