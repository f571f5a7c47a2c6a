#include "lib/http/read.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "lib/base/duration.h"
#include "lib/base/go_number.h"
#include "lib/base/strings.h"
#include "lib/http/rendering.h"

namespace discovery::http {
namespace {

constexpr std::string_view kNoNamespaces = " - Namespaces are a Consul Enterprise feature";

std::string_view to_string(Consistency consistency) {
  switch (consistency) {
    case Consistency::kConsistent:
      return "consistent";
    case Consistency::kStale:
      return "stale";
    case Consistency::kDefault:
      break;
  }
  return "leader";
}

Status parse_cache_control(std::string_view header, ReadParams& params) {
  const std::string lower = base::to_lower(header);
  for (std::string_view part : base::split(lower, ',')) {
    part = base::trim(part);
    if (part == "must-revalidate") params.must_revalidate = true;
    const bool max_age = part.starts_with("max-age=");
    if (!max_age && !part.starts_with("stale-if-error=")) continue;
    const auto seconds = base::parse_go_duration(std::string(part.substr(part.find('=') + 1)) + "s");
    if (!seconds.ok()) return invalid_argument("Invalid Cache-Control header.");
    if (max_age && *seconds == Duration::zero()) params.must_revalidate = true;
  }
  return {};
}

/// A read that is under way, and how its answer is to be shown.
struct Showing {
  /// What is asked again, of the leader, when an answer is too stale.
  struct Again {
    model::Query query;
    model::Read read;
    Duration max_stale;
  };

  Context& context;
  const View& view;
  Consistency consistency;
  bool streaming;
  std::optional<bool> cache_hit{};
  std::string refusal;
  std::unique_ptr<Again> again{};

  std::string_view backend() const { return streaming ? "streaming" : kBlockingQuery; }
  void fail(Reply reply, const Status& failure) const;
  void answer(Reply reply, const model::Answer& answer) &&;
  void send(Reply reply, const Meta& meta, const Rendered* body) const;
};

void Showing::fail(Reply reply, const Status& failure) const {
  if (reply.drop_if_gone(failure)) return;
  http1::Response response = reply.response(http_status(failure.code()));
  if (view.meta_with_errors) add_meta(response.headers, Meta{});
  set_text(response, std::string(failure.message()));
  std::move(reply).send(std::move(response));
}

void Showing::answer(Reply reply, const model::Answer& answer) && {
  const bool missing = view.is_missing != nullptr && view.is_missing(answer.value());
  if (!refusal.empty() || missing) return send(std::move(reply), answer.meta, nullptr);
  const Format format{reply.pretty(), reply.takes_gzip()};
  // Elsewhere than on the loop nobody is kept waiting.
  if (!context.env.on_loop() || !takes_long(*answer.shared, view, format)) {
    const Result<Rendered> rendered = render(*answer.shared, view, format);
    if (!rendered.ok()) return fail(std::move(reply), rendered.status());
    return send(std::move(reply), answer.meta, &*rendered);
  }
  const View& shown = view;
  Renderings& renderings = *context.renderings;
  renderings.start(answer.shared, shown, format,
                   [showing = std::move(*this), reply = std::move(reply),
                    meta = answer.meta](Result<Rendered> rendered) mutable {
                     if (!rendered.ok()) return showing.fail(std::move(reply), rendered.status());
                     showing.send(std::move(reply), meta, &*rendered);
                   });
}

/// Without a body there is a refusal, or nothing to be shown.
void Showing::send(Reply reply, const Meta& meta, const Rendered* body) const {
  http1::Response response = reply.response();
  if (cache_hit) {
    response.headers.add("X-Cache", *cache_hit ? "HIT" : "MISS");
    if (*cache_hit) response.headers.add("Age", 0);
  }
  if (view.shows_meta && (view.meta_when_missing || body != nullptr || !refusal.empty())) {
    add_meta(response.headers, meta, backend());
    if (view.shows_consistency)
      response.headers.add("X-Consul-Effective-Consistency", to_string(consistency));
  }
  if (!refusal.empty()) {
    response.status = 400;
    set_text(response, refusal);
  } else if (body == nullptr) {
    response.status = 404;
  } else {
    response.headers.add("Content-Type", kJsonType);
    response.body = context.renderings->freed_by_worker(body->bytes);
    if (body->compressed) response.headers.add("Content-Encoding", "gzip");
  }
  std::move(reply).send_as_is(std::move(response));
}

/// Asks, and once more of the leader if the answer is staler than the caller bears.
void ask_and_show(Reply reply, model::Query query, model::Read read, Showing showing) {
  Context& context = showing.context;
  ask(context, std::move(reply), std::move(query), std::move(read),
      [showing = std::move(showing)](Reply held, Result<model::Answer> answer) mutable {
        if (!answer.ok()) return showing.fail(std::move(held), answer.status());
        if (showing.again && answer->meta.last_contact > showing.again->max_stale) {
          const auto again = std::move(showing.again);
          again->read.consistency = showing.consistency = Consistency::kDefault;
          return ask_and_show(std::move(held), std::move(again->query), std::move(again->read),
                              std::move(showing));
        }
        std::move(showing).answer(std::move(held), *answer);
      });
}

}  // namespace

Status check_namespace(const Request& request) {
  if (!request.headers.name_space.empty()) {
    return invalid_argument("Bad request: Invalid header: \"X-Consul-Namespace\"" +
                            std::string(kNoNamespaces));
  }
  if (!request.params.get("ns").empty()) {
    return invalid_argument("Bad request: Invalid query parameter: \"ns\"" + std::string(kNoNamespaces));
  }
  return {};
}

Status parse_consistency(const Request& request, ReadParams& params) {
  const Options& options = request.context.options;
  const bool consistent = request.params.has("consistent");
  bool stale = request.params.has("stale");
  params.cached = options.use_cache && request.params.has("cached");
  bool unspecified = !consistent && !stale && !params.cached && !request.params.has("leader");
  if (const std::string_view text = request.params.get("max_stale"); !text.empty()) {
    const auto max_stale = base::parse_go_duration(text);
    if (!max_stale.ok()) return invalid_argument("Invalid max_stale value " + base::go_quote(text));
    params.max_stale = std::max(*max_stale, Duration::zero());
    if (params.max_stale > Duration::zero()) {
      stale = true;
      unspecified = false;
    }
  }
  if (unspecified && options.discovery_max_stale > Duration::zero() &&
      (request.path.starts_with("/v1/catalog") || request.path.starts_with("/v1/health"))) {
    stale = true;
    params.max_stale = options.discovery_max_stale;
  }
  if (stale && consistent) {
    return invalid_argument("Cannot specify ?stale with ?consistent, conflicting semantics.");
  }
  if (params.cached && consistent) {
    return invalid_argument("Cannot specify ?cached with ?consistent, conflicting semantics.");
  }
  if (stale) params.read.consistency = Consistency::kStale;
  if (consistent) params.read.consistency = Consistency::kConsistent;
  if (request.headers.cache_control.empty()) return {};
  return parse_cache_control(request.headers.cache_control, params);
}

Status parse_wait(const Request& request, model::Read& read) {
  if (const std::string_view text = request.params.get("wait"); !text.empty()) {
    const auto wait = base::parse_go_duration(text);
    if (!wait.ok()) return invalid_argument("Invalid wait time");
    read.wait = std::clamp(*wait, Duration::zero(), request.context.options.max_query_time);
  }
  if (const std::string_view text = request.params.get("index"); !text.empty()) {
    const auto index = base::parse_go_uint(text);
    if (!index.ok()) return invalid_argument("Invalid index");
    read.min_index = *index;
  }
  return {};
}

Status parse_read(const Request& request, ReadParams& params) {
  // Most requests have no parameters, and the order of the checks is that of their messages.
  if (Status status = parse_consistency(request, params); !status.ok()) return status;
  if (Status status = parse_wait(request, params.read); !status.ok()) return status;
  params.read.call = request.call();
  if (request.params.empty()) return {};
  params.read.filter = request.params.get("filter");
  const std::string_view near = request.params.get("near");
  params.read.near = near == "_agent" ? request.context.options.node_name : near;
  return {};
}

model::Labels parse_node_meta(const Request& request) {
  model::Labels labels;
  for (const Params::Param& param : request.params) {
    if (param.name != "node-meta") continue;
    const std::size_t colon = std::min(param.value.find(':'), param.value.size());
    labels.set(std::string(param.value.substr(0, colon)),
               std::string(param.value.substr(std::min(colon + 1, param.value.size()))));
  }
  return labels;
}

void show(Request& request, Reply reply, model::Query query, ReadParams params, const View& view,
          std::string_view refusal) {
  model::Read& read = params.read;
  Showing showing{.context = request.context,
                  .view = view,
                  .consistency = read.consistency,
                  .streaming = view.streams && request.context.options.use_streaming_backend &&
                               read.near.empty() && (params.cached || read.min_index > 0),
                  .refusal = std::string(refusal)};
  if (view.caching != Caching::kNone && params.cached) {
    const std::string spelling =
        read.call.datacenter + '\0' + read.call.token + '\0' + canonical(query, read);
    const bool seen = request.context.cache_notes.note(spelling);
    showing.cache_hit = seen && !(params.must_revalidate && view.caching == Caching::kSimple);
  }
  if (params.max_stale > Duration::zero() && read.consistency == Consistency::kStale) {
    showing.again = std::make_unique<Showing::Again>(Showing::Again{query, read, params.max_stale});
  }
  ask_and_show(std::move(reply), std::move(query), std::move(read), std::move(showing));
}

bool may_last(const model::Query& query, const model::Read& read) {
  if (const auto* txn = std::get_if<model::ReadTxn>(&query)) {
    return std::any_of(txn->operations.begin(), txn->operations.end(), model::reads_tree);
  }
  return read.min_index > 0 || !read.filter.empty() ||
         std::holds_alternative<model::ListKeysWithValues>(query) ||
         std::holds_alternative<model::ListKeys>(query);
}

std::stop_token stop_on_disconnect(Reply& reply) {
  std::stop_source source;
  std::stop_token token = source.get_token();
  reply.on_disconnect([source]() mutable { source.request_stop(); });
  return token;
}

void add_contact(http1::HeaderBlock& headers, const Meta& meta) {
  const auto last_contact = std::chrono::duration_cast<std::chrono::milliseconds>(meta.last_contact).count();
  headers.add("X-Consul-Knownleader", meta.known_leader ? "true" : "false");
  headers.add("X-Consul-Lastcontact", static_cast<std::uint64_t>(std::max<std::int64_t>(last_contact, 0)));
}

void add_meta(http1::HeaderBlock& headers, const Meta& meta, std::string_view backend) {
  // An index of 0 would make clients ask without waiting.
  headers.add("X-Consul-Index", std::max<Index>(meta.index, 1));
  add_contact(headers, meta);
  headers.add("X-Consul-Query-Backend", backend);
}

}  // namespace discovery::http
