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
#include "lib/http/view.h"
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

/// Asks and shows the answer. `refusal` is for what is wrong with a request but is found by Consul only after
/// the query: then the answer is 400 with that text, and the query's headers.
void show(Request& request, Reply reply, model::Query query, ReadParams params, const View& view,
          std::string_view refusal = {});

/// A token whose stop is requested when the client goes.
std::stop_token stop_on_disconnect(Reply& reply);

/// Whether answering may take a while, so that a client who goes should end it.
bool may_last(const model::Query& query, const model::Read& read);

/// Asks; `done` is called with the reply and the result. What lasts ends when the client goes.
template <class Done>
void ask(Context& context, Reply reply, model::Query query, model::Read read, Done done) {
  if (may_last(query, read)) read.call.stop = stop_on_disconnect(reply);
  context.backend.query(std::move(query), std::move(read))
      .then([reply = std::move(reply), done = std::move(done)](Result<model::Answer> answer) mutable {
        done(std::move(reply), std::move(answer));
      });
}

inline constexpr std::string_view kBlockingQuery = "blocking-query";

/// Adds how the answering server stands with its leader.
void add_contact(http1::HeaderBlock& headers, const Meta& meta);

/// Adds X-Consul-Index and what belongs to it.
void add_meta(http1::HeaderBlock& headers, const Meta& meta, std::string_view backend = kBlockingQuery);

}  // namespace discovery::http
