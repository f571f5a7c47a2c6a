#pragma once

#include <memory>
#include <vector>

#include "lib/api/watch_plan.h"
#include "lib/api/web_hook.h"
#include "lib/env/env.h"
#include "lib/http1/handler.h"
#include "lib/model/event.h"

namespace discovery::api {

/// Runs the watches of a configuration: each asks the agent's own API, waits for changes, and hands what it
/// finds to its handler, one change after the other. What a handler does not keep up with is skipped, never
/// queued. One for events hands over what is fired from then on: those that come while its handler is at work
/// together, the latest model::EventBus::kMaxEvents of them.
///
/// Threads: the loop's. Blocks: never. Owns: the watches and their handlers' processes; `api`, `events` and
/// `env` outlive it, and it is destroyed before what the API asks.
class Watches {
 public:
  /// The contexts are those of handlers that are asked by HTTPS: with and without a proof of who they are.
  Watches(env::Env& env, http1::Handler& api, model::EventBus& events,
          std::shared_ptr<const tls::ClientContext> tls,
          std::shared_ptr<const tls::ClientContext> tls_unverified);
  ~Watches();
  Watches(const Watches&) = delete;
  Watches& operator=(const Watches&) = delete;

  /// Ends those that run and begins these.
  void replace(std::vector<WatchPlan> plans);

  /// How long a watch waits after failures in a row: 5 s times their number squared, at most this.
  static constexpr Duration kMaxBackOff = std::chrono::minutes(3);

 private:
  class Watch;
  env::Env& env_;
  http1::Handler& api_;
  model::EventBus& events_;
  health::Dialer dialer_;
  const WebHookWorld hooks_;
  std::vector<std::unique_ptr<Watch>> watches_;
};

}  // namespace discovery::api
