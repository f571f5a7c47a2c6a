#include "lib/http/api.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "lib/http/gzip.h"
#include "lib/http/path.h"

namespace discovery::http {
namespace {

constexpr std::size_t kMethods = static_cast<std::size_t>(Method::kOther) + 1;

http1::HeaderBlock common_headers(const Options& options) {
  http1::HeaderBlock headers;
  for (const auto& [name, value] : options.response_headers) headers.add(name, value);
  if (options.translate_addresses) headers.add("X-Consul-Translate-Addresses", "true");
  headers.add("X-Consul-Default-Acl-Policy", options.acl_default_allow ? "allow" : "deny");
  headers.add("Vary", "Accept-Encoding");
  return headers;
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// As Go's http.Redirect: with a body for those who read it, which is only done after GET.
http1::Response moved_permanently(std::string_view method, std::string_view path, std::string_view query) {
  std::string location;
  append_path_escaped(location, path);
  if (!query.empty()) location += '?';
  for (const char c : query) {
    if (static_cast<unsigned char>(c) < 0x80) {
      location += c;
    } else {
      append_query_escaped(location, {&c, 1});
    }
  }
  http1::Response response{.status = 301};
  response.headers.add("Location", location);
  if (method == "GET" || method == "HEAD") response.headers.add("Content-Type", "text/html; charset=utf-8");
  if (method == "GET") response.body = "<a href=\"" + escape_html(location) + "\">Moved Permanently</a>.\n\n";
  return response;
}

bool is_blocked(std::string_view path, const Options& options) {
  return std::any_of(options.block_endpoints.begin(), options.block_endpoints.end(),
                     [path](const std::string& prefix) { return path.starts_with(prefix); });
}

}  // namespace

Api::Api(model::Backend& backend, model::LocalAgent& agent, env::Env& env, Options options,
         Surroundings around)
    : context_{backend, agent, env, std::move(options), std::move(around)},
      router_(routes()),
      writers_(parse_networks(context_.options.allow_write_from)),
      browser_guard_(context_.options.refuse_browser_writes
                         ? std::optional<BrowserGuard>(context_.options.trusted_origins)
                         : std::nullopt) {
  context_.timings.resize(routes().size() * kMethods);
  context_.common_headers = common_headers(context_.options);
  context_.renderings = std::make_unique<Renderings>(env);
}

std::uint64_t Api::body_limit(const http1::Request& head) {
  // The endpoint looks again; this is so that too large values are not read in vain.
  const Options& options = context_.options;
  if (head.target.starts_with("/v1/kv/")) return options.kv_max_value_size;
  return head.target.starts_with("/v1/txn") ? options.max_txn_size() : options.max_body_size;
}

void Api::handle(http1::Request& message, http1::Responder responder) {
  // OPTIONS asks about the server as a whole (RFC 9110, section 9.3.7).
  if (message.target == "*") {
    return std::move(responder).send({.status = message.method == "OPTIONS" ? 200 : 400});
  }
  const Target target = split_target(message.target);
  Request request(context_, message);
  std::string decoded;
  request.path = target.path;
  if (target.path.find('%') != std::string_view::npos) {
    if (!append_unescaped(decoded, target.path, false)) {
      return std::move(responder).send(http1::text_response(400, "400 Bad Request"));
    }
    request.path = decoded;
  }
  if (context_.options.refuse_unprintable_paths && !is_printable(request.path)) {
    return std::move(responder).send({.status = 400});
  }
  const bool clean = is_clean(request.path);
  std::string moved = clean ? std::string() : clean_path(request.path);
  const Router::Match match = router_.find(clean ? request.path : moved);
  if (match.add_slash) {
    if (clean) moved = request.path;
    moved += '/';
  }
  if (!moved.empty())
    return std::move(responder).send(moved_permanently(message.method, moved, target.query));
  if (match.route == nullptr) return answer_nowhere(request, std::move(responder));

  const Params::Problem problem = request.params.parse(target.query);
  const bool pretty = context_.options.pretty || request.params.has("pretty");
  Reply reply(context_, std::move(responder), pretty, accepts_gzip(request.headers.accept_encoding));
  if (problem == Params::Problem::kBadEscape) return std::move(reply).empty(500);
  if (problem == Params::Problem::kTooMany)
    return std::move(reply).over_limit(400, "query_parameters", "Too many query parameters");
  request.tail = request.path.substr(match.route->pattern.size());
  dispatch(request, *match.route, std::move(reply));
}

void Api::dispatch(Request& request, const Route& route, Reply reply) {
  if (is_blocked(request.path, context_.options)) {
    return std::move(reply).text(403, "Endpoint is blocked by agent configuration");
  }
  if (route.methods.bits != 0 && !route.methods.has(request.method)) {
    const bool asks = request.method == Method::kOptions;
    http1::Response response = reply.response(asks ? 200 : 405);
    response.headers.add("Allow", "OPTIONS," + std::string(route.methods.allow));
    if (!asks) set_text(response, "method " + std::string(request.message.method) + " not allowed");
    return std::move(reply).send(std::move(response));
  }
  if (const std::string_view why = refuse_write(request); !why.empty())
    return std::move(reply).text(403, std::string(why));
  if (context_.around.metrics != nullptr) reply.time_into(timing_of(route, request));
  if (route.endpoint == nullptr) {
    return std::move(reply).text(501, std::string(request.message.method) + " " + std::string(route.pattern) +
                                          " is not available yet");
  }
  route.endpoint(request, std::move(reply));
}

std::string_view Api::refuse_write(const Request& request) const {
  if (writers_.empty() && !browser_guard_) return {};
  const std::string_view method = request.message.method;
  if (method == "GET" || method == "HEAD" || method == "OPTIONS") return {};
  const bool may = std::any_of(writers_.begin(), writers_.end(), [&](const Network& network) {
    return network.contains(request.message.remote_address);
  });
  if (!may && !writers_.empty()) return "Access is restricted";
  if (browser_guard_ && browser_guard_->refuses(request.message))
    return "Pages of this origin may not change anything here (http_config.refuse_browser_writes)";
  return {};
}

std::uint16_t Api::timing_of(const Route& route, const Request& request) {
  const auto row = static_cast<std::size_t>(&route - routes().data());
  const std::size_t at = row * kMethods + static_cast<std::size_t>(request.method);
  metrics::Series*& series = context_.timings[at];
  if (series == nullptr) {
    std::string path(route.pattern.substr(1));
    std::replace(path.begin(), path.end(), '/', '_');
    const std::string method =
        request.method == Method::kOther ? "other" : std::string(request.message.method);
    series = context_.around.metrics->series(metrics::Kind::kSample, "api.http",
                                             {{"method", method}, {"path", std::move(path)}});
  }
  return static_cast<std::uint16_t>(at);
}

void Api::answer_nowhere(const Request& request, http1::Responder responder) const {
  http1::Response response{.status = 404};
  for (const auto& [name, value] : context_.options.response_headers) response.headers.add(name, value);
  if (request.path == "/") {
    response.status = 200;
    set_text(response, "Consul Agent");
  }
  std::move(responder).send(std::move(response));
}

}  // namespace discovery::http
