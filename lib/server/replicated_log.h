#pragma once

#include <functional>
#include <string>
#include <vector>

#include <discovery/async.h>
#include <discovery/types.h>

#include "lib/model/answer.h"
#include "lib/model/command.h"

namespace discovery::server {

/// The one order of all commands. Whoever implements it decides what "accepted" takes (a quorum's disks, or
/// nothing); once a command is accepted it is applied everywhere, at the same index. Threads: the loop's.
class ReplicatedLog {
 public:
  /// Applies an accepted command, in order, on the loop; returns its result. A failure is a result too: it is
  /// the same on every server.
  using Apply = std::function<Result<model::CommandResult>(Index, const model::Command&)>;

  virtual ~ReplicatedLog() = default;

  /// Puts a command into the order and completes when it was applied here.
  /// kNotLeader, kUnavailable, kResourceExhausted, kUnknownOutcome; else what applying it returned.
  virtual Async<model::Outcome> propose(model::Command command) = 0;

  /// Completes when all that was accepted before the call can be read here, by a leader that a quorum
  /// confirmed.
  virtual Async<Unit> read_barrier() = 0;

  /// Whether this server leads, and whether it knows who does.
  virtual bool is_leader() const noexcept = 0;
  /// The leader's RPC address, or empty.
  virtual std::string leader_address() const = 0;
  /// The index of the last command in the order, as far as it is known here.
  virtual Index last_index() const noexcept = 0;
  /// The RPC addresses of all voters.
  virtual std::vector<std::string> peer_addresses() const = 0;
};

}  // namespace discovery::server
