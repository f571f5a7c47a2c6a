#pragma once

#include <memory>

#include "lib/env/env.h"
#include "lib/http1/server.h"
#include "lib/metrics/registry.h"
#include "lib/server/server.h"

namespace discovery::api {

/// Keeps the gauges of a server's agent up to date
/// (https://developer.hashicorp.com/consul/docs/agent/telemetry): how large the state is, how the process
/// does. Threads: the loop's, and so is whoever shows the registry's values. Blocks: for the moments that
/// reading small files of /proc takes. All that it is given outlives it.
class Gauges {
 public:
  Gauges(env::Env& env, metrics::Registry& registry, server::Server& server,
         const http1::ServerCounters& connections);

  /// Begins; sets them every ten seconds, and whenever values are shown.
  void start();

 private:
  void collect();
  void set(const char* name, double value);
  void arm();

  metrics::Registry& registry_;
  server::Server& server_;
  const http1::ServerCounters& connections_;
  std::unique_ptr<env::Timer> timer_;
};

}  // namespace discovery::api
