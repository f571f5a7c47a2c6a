#pragma once

#include <string>
#include <utility>

#include "lib/server/replicated_log.h"

namespace discovery::server {

/// The log of a lone server whose data live in memory only: a command is accepted when it is proposed.
/// Nothing is kept of it once it was applied; the state is all there is.
class MemoryLog final : public ReplicatedLog {
 public:
  /// `address` is the server's own RPC address, `last_index` the index that the first one follows.
  MemoryLog(std::string address, Index last_index, Apply apply)
      : address_(std::move(address)), apply_(std::move(apply)), last_index_(last_index) {}

  Async<model::Outcome> propose(model::Command command) override {
    const Index index = ++last_index_;
    Result<model::CommandResult> result = apply_(index, command);
    if (!result.ok()) return result.status();
    return model::Outcome{index, result->won, std::move(result->txn), std::move(result->session)};
  }
  Async<Unit> read_barrier() override { return Unit{}; }
  bool is_leader() const noexcept override { return true; }
  std::string leader_address() const override { return address_; }
  Index last_index() const noexcept override { return last_index_; }
  std::vector<std::string> peer_addresses() const override { return {address_}; }

 private:
  std::string address_;
  Apply apply_;
  Index last_index_;
};

}  // namespace discovery::server
