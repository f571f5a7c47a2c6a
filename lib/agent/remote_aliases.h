#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <discovery/async.h>

#include "lib/health/probe.h"
#include "lib/model/backend.h"
#include "lib/model/check_spec.h"

namespace discovery::agent {

/// Aliases of what another node has, or of a service there: each watches that node in the catalog.
///
/// Threads: one, the loop, where the backend's results must come as well. Blocks: never. Nothing is called
/// after destruction.
class RemoteAliases {
 public:
  using Reported = UniqueFunction<void(const std::string& check_id, health::ProbeResult)>;

  /// `backend` must outlive it.
  RemoteAliases(model::Backend& backend, Reported reported);
  ~RemoteAliases();
  RemoteAliases(const RemoteAliases&) = delete;
  RemoteAliases& operator=(const RemoteAliases&) = delete;

  /// Follows the target of an alias with a node, instead of the one that had its id.
  void add(const model::CheckSpec& spec);
  /// Fine if there is none.
  void remove(std::string_view check_id);

 private:
  class Follower;

  model::Backend& backend_;
  Reported reported_;
  std::map<std::string, std::unique_ptr<Follower>, std::less<>> followers_;
};

}  // namespace discovery::agent
