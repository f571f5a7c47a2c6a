#pragma once

#include <memory>
#include <string>

#include <discovery/async.h>
#include <discovery/status.h>

#include "lib/dns/message.h"
#include "lib/dns/options.h"

namespace discovery::dns {

/// Whoever knows the zones that are not ours.
class Recursor {
 public:
  /// The answer's message, with the id of the query.
  using Done = UniqueFunction<void(Result<std::string>)>;

  virtual ~Recursor() = default;

  /// Sends a query on, as it is but for its id, to one of the zone's recursors after another until there is
  /// an answer. Nothing is kept. Errors: kUnavailable (none of them gave one), kResourceExhausted (too much
  /// is under way already). `done` may be called on any thread, also inside this call.
  /// Threads: any. Blocking: never.
  virtual void ask(std::string query, Transport transport, std::shared_ptr<const Zone> zone, Done done) = 0;
};

}  // namespace discovery::dns
