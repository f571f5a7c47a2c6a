#pragma once

/// \file
/// What all kinds of checks that run have in common: a probe looks once at its target.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <discovery/async.h>
#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/env/env.h"
#include "lib/health/dial.h"
#include "lib/http1/read_buffer.h"
#include "lib/model/check_spec.h"
#include "lib/tls/client.h"

namespace discovery::health {

/// What a check says. Worse ones are larger.
enum class Health : std::uint8_t { kPassing, kWarning, kCritical };

/// "passing", "warning" or "critical".
std::string_view to_string(Health health);

/// What a probe has seen.
struct ProbeResult {
  Health health = Health::kCritical;
  int code = 0;        ///< HTTP status or exit code; 0 where there is none
  std::string output;  ///< for people; no longer than the check's limit, but for a note
};

/// One check's probe. It holds little while it does not run, since there may be thousands.
/// Threads: one, the loop's. Blocks: never.
class Probe {
 public:
  using Done = UniqueFunction<void(ProbeResult)>;

  virtual ~Probe() = default;
  /// Looks at the target and calls `done` once, from the loop, never inside this call. REQUIRES: not running.
  /// Destroying the probe cancels it: the callback then never runs.
  virtual void start(Done done) = 0;
};

/// What the probes of one agent share. All must outlive them.
struct ProbeWorld {
  env::Env& env;
  Dialer& dialer;
  std::shared_ptr<const tls::ClientContext> tls;             ///< for servers that must prove who they are
  std::shared_ptr<const tls::ClientContext> tls_unverified;  ///< for those that need not
  http1::BufferPool buffers{};                               ///< for answers
  std::unique_ptr<env::Workers> callers{};                   ///< for functions; made when there is one
};

/// The probe that a definition describes. REQUIRES: it is of a kind that has_probe(). kInvalidArgument if no
/// probe can come of it.
Result<std::unique_ptr<Probe>> make_probe(ProbeWorld& world, const model::CheckSpec& spec,
                                          std::size_t max_output);

/// Whether checks of this kind are run here.
bool has_probe(model::CheckKind kind);

/// \name One for each kind
/// @{
std::unique_ptr<Probe> make_http_probe(ProbeWorld& world, const model::CheckSpec& spec,
                                       std::size_t max_output);
std::unique_ptr<Probe> make_tcp_probe(ProbeWorld& world, const model::CheckSpec& spec);
std::unique_ptr<Probe> make_script_probe(ProbeWorld& world, const model::CheckSpec& spec,
                                         std::size_t max_output);
/// @}

}  // namespace discovery::health
