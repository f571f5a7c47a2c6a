#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace discovery::state {

/// What a query may depend on, and a commit may change. Names are in lower case where the tables' keys are.
enum class Topic : std::uint8_t {
  kNodes,          ///< the set of nodes, or any node's record
  kServices,       ///< the set of instances, or any instance's record
  kChecks,         ///< any check
  kService,        ///< one service: its instances, their nodes, and all checks that count for them
  kMeshService,    ///< who speaks for one service in the mesh
  kNode,           ///< one node's record and its instances
  kNodeChecks,     ///< one node's checks
  kServiceChecks,  ///< the checks of one service's instances
  kCheckState,     ///< the checks in one state
  kCoordinates,    ///< any coordinate
  kSessions,       ///< any session
  kSession,        ///< one session, by its key
  kNodeSessions,   ///< one node's sessions
  kKey,            ///< one key of the KV store
  kKeyPrefix,      ///< all keys that start with a prefix; in a commit: all such keys were deleted
};

/// One thing that is watched or was changed.
struct Subject {
  Topic topic;
  std::string name;  ///< empty for topics of a whole table
  friend bool operator==(const Subject&, const Subject&) = default;
  friend auto operator<=>(const Subject&, const Subject&) = default;
};

/// The subjects of one query or one commit; duplicates do no harm.
class Touched {
 public:
  void add(Topic topic, std::string_view name = {}) {
    if (!subjects_.empty() && subjects_.back().topic == topic && subjects_.back().name == name) return;
    subjects_.push_back({topic, std::string(name)});
  }
  bool empty() const noexcept { return subjects_.empty(); }
  auto begin() const noexcept { return subjects_.begin(); }
  auto end() const noexcept { return subjects_.end(); }

 private:
  std::vector<Subject> subjects_;
};

}  // namespace discovery::state
