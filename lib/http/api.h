#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "lib/http/browser_guard.h"
#include "lib/http/context.h"
#include "lib/http/network.h"
#include "lib/http/options.h"
#include "lib/http/router.h"
#include "lib/http1/handler.h"

namespace discovery::http {

/// The HTTP API (https://developer.hashicorp.com/consul/api-docs, as Consul 1.10 answers): turns requests
/// into queries, commands and calls of the agent, and shows what comes back. It has no rules of its own
/// beyond those of HTTP, and knows no socket: an http1::Server calls it, or a test.
///
/// Threads: the loop's. The backend and the agent may answer on another; the reply then goes to the loop.
/// Blocks: never. Owns: nothing of what it is given, all of which outlives it; and it outlives every call to
/// the backend and the agent that it has begun.
class Api final : public http1::Handler {
 public:
  Api(model::Backend& backend, model::LocalAgent& agent, env::Env& env, Options options,
      Surroundings around = {});

  /// Breaks off what would never end by itself, for who stops the server.
  void end_feeds() { context_.feeds.clear(); }

  std::uint64_t body_limit(const http1::Request& head) override;
  void handle(http1::Request& request, http1::Responder responder) override;

 private:
  void dispatch(Request& request, const Route& route, Reply reply);
  /// Why a request must not change anything; empty: it may, or does not want to.
  std::string_view refuse_write(const Request& request) const;
  /// The row of Context::timings for a request to a route.
  std::uint16_t timing_of(const Route& route, const Request& request);
  void answer_nowhere(const Request& request, http1::Responder responder) const;

  Context context_;
  const Router router_;
  const std::vector<Network> writers_;  // who may write; none: all
  const std::optional<BrowserGuard> browser_guard_;
};

}  // namespace discovery::http
