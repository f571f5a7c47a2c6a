#pragma once

/// \file
/// What all reading endpoints have in common: the parameters that shape a read
/// (https://developer.hashicorp.com/consul/api-docs/features/blocking, .../consistency, .../caching), the
/// headers that describe an answer, and the road from a query to its answer.

#include <string>
#include <string_view>

#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/http/reply.h"
#include "lib/http/request.h"
#include "lib/model/query.h"

namespace discovery::http {

/// What a request asks of a read beside its query.
struct ReadParams {
  model::Read read;
  Duration max_stale{};          ///< a staler answer is not good enough; 0: any is
  bool cached = false;           ///< X-Cache is wanted
  bool must_revalidate = false;  ///< Cache-Control asks for an answer that no cache has kept
};

/// Refuses namespaces, which the community edition does not have. kInvalidArgument.
Status check_namespace(const Request& request);

/// Reads `stale`, `consistent`, `leader`, `max_stale`, `cached` and Cache-Control. kInvalidArgument.
Status parse_consistency(const Request& request, ReadParams& params);

/// Reads `index` and `wait`. kInvalidArgument.
Status parse_wait(const Request& request, model::Read& read);

/// Reads all of these, the caller, `near` and `filter`. kInvalidArgument.
Status parse_read(const Request& request, ReadParams& params);

/// The pairs of all `node-meta=key:value`.
model::Labels parse_node_meta(const Request& request);

/// What an endpoint makes of `?cached` (https://developer.hashicorp.com/consul/api-docs/features/caching).
enum class Caching {
  kNone,
  kSimple,      ///< with regard to Cache-Control
  kBackground,  ///< kept fresh all the time, so that Cache-Control has no meaning
};

/// How the answers to an endpoint's query are shown.
struct View {
  /// Appends an answer's value as JSON, without a newline at its end.
  using Render = void (*)(std::string& out, const model::Value& value, codec::JsonStyle style);

  Render render;
  /// Whether there is nothing to show: then the answer is 404 without a body. Null: there always is.
  bool (*is_missing)(const model::Value& value) = nullptr;
  bool shows_meta = true;         ///< X-Consul-Index and what belongs to it
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

/// Asks and shows the answer. `refusal` is for what is wrong with a request but is found by Consul only after
/// the query: then the answer is 400 with that text, and the query's headers.
void show(Request& request, Reply reply, model::Query query, ReadParams params, const View& view,
          std::string_view refusal = {});

/// A token whose stop is requested when the client goes.
std::stop_token stop_on_disconnect(Reply& reply);

/// Asks; `done` is called with the reply and the result. The wait ends when the client goes.
template <class Done>
void ask(Context& context, Reply reply, model::Query query, model::Read read, Done done) {
  if (read.min_index > 0) read.call.stop = stop_on_disconnect(reply);
  context.backend.query(std::move(query), std::move(read))
      .then([reply = std::move(reply), done = std::move(done)](Result<model::Answer> answer) mutable {
        done(std::move(reply), std::move(answer));
      });
}

inline constexpr std::string_view kBlockingQuery = "blocking-query";

/// Adds X-Consul-Index and what belongs to it.
void add_meta(http1::HeaderBlock& headers, const Meta& meta, std::string_view backend = kBlockingQuery);

}  // namespace discovery::http
