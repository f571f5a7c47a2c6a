#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "lib/env/env.h"
#include "lib/env/log_tap.h"
#include "lib/http/bound_sessions.h"
#include "lib/http/feeds.h"
#include "lib/http/options.h"
#include "lib/http/rendering.h"
#include "lib/http1/message.h"
#include "lib/metrics/registry.h"
#include "lib/model/agent_control.h"
#include "lib/model/backend.h"
#include "lib/model/event.h"
#include "lib/model/local_agent.h"

namespace discovery::http {

/// Which reads have been asked with `?cached` before: what X-Cache tells (Consul's agent caching,
/// https://developer.hashicorp.com/consul/api-docs/features/caching). No answer is kept: each one is
/// evaluated when it is asked for, from state that is at hand, so a "HIT" is as fresh as a "MISS" and its Age
/// is always 0. Only hashes are kept, in a table of fixed size where a newer read pushes out an older one.
/// Threads: not shared.
class CacheNotes {
 public:
  static constexpr std::size_t kSlots = 4096;

  /// Notes the read that has this spelling; returns whether it was noted before.
  bool note(std::string_view spelling);

 private:
  std::array<std::uint64_t, kSlots> hashes_{};
};

/// What an API may have beside backend and agent; endpoints that need what is missing are not available.
struct Surroundings {
  model::AgentControl* control = nullptr;
  model::EventBus* events = nullptr;
  metrics::Registry* metrics = nullptr;
  std::shared_ptr<env::LogTap> log{};
};

/// What all endpoints of one API work with. Threads: the loop's.
struct Context {
  model::Backend& backend;
  model::LocalAgent& agent;
  env::Env& env;
  const Options options;
  const Surroundings around{};
  http1::HeaderBlock common_headers{};  ///< those of every answer of an endpoint
  CacheNotes cache_notes{};
  std::unique_ptr<Renderings> renderings{};  ///< never null
  Feeds feeds{env};
  BoundSessions bound_sessions{backend};
  std::vector<metrics::Series*> timings{};  ///< of requests, by route and method; made when they are needed
};

}  // namespace discovery::http
