#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "lib/codec/json_writer.h"
#include "lib/model/query.h"

namespace discovery::http {

/// What an endpoint makes of `?cached` (https://developer.hashicorp.com/consul/api-docs/features/caching).
enum class Caching : std::uint8_t {
  kNone,
  kSimple,      ///< with regard to Cache-Control
  kBackground,  ///< kept fresh all the time, so that Cache-Control has no meaning
};

/// How the answers to an endpoint's query are shown.
struct View {
  /// Appends an answer's value as JSON, without a newline at its end. Pure: it may run on any thread.
  using Render = void (*)(std::string& out, const model::Value& value, codec::JsonStyle style);

  Render render;
  /// Whether there is nothing to show: then the answer is 404 without a body. Null: there always is.
  bool (*is_missing)(const model::Value& value) = nullptr;
  bool shows_meta = true;         ///< X-Consul-Index and what belongs to it
  bool meta_when_missing = true;  ///< the same also when there is nothing to show
  bool shows_consistency = true;  ///< X-Consul-Effective-Consistency
  bool meta_with_errors = true;   ///< the former also when the query failed, with index 1
  Caching caching = Caching::kNone;
  bool streams = false;  ///< served from a stream of changes when it is watched
  bool shares_bytes =
      true;  ///< no other view renders the same query's answers; so its bytes are kept with them
};

/// Renders a value of one kind as it is described.
template <class T>
void render_as(std::string& out, const model::Value& value, codec::JsonStyle style) {
  if (const T* held = std::get_if<T>(&value)) {
    codec::append_json(out, *held, style);
  } else {
    out += "null";
  }
}

}  // namespace discovery::http
