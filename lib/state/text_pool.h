#pragma once

#include <cstddef>
#include <string_view>

#include <absl/container/flat_hash_set.h>

#include "lib/base/text.h"
#include "lib/model/records.h"
#include "lib/model/session.h"

namespace discovery::state {

/// Lets equal strings of different records share their bytes: names, tags, metadata, addresses, which
/// thousands of instances have in common. Ids and outputs of checks, which hardly ever repeat, are left
/// alone.
///
/// Keeps a string for as long as a record has it; what no record has any more goes the next time that the
/// pool has doubled. Threads: the writer's.
class TextPool {
 public:
  void share(model::Node& node);
  void share(model::ServiceInstance& service);
  void share(model::HealthCheck& check);
  void share(model::Session& session);

  /// How many strings it keeps.
  std::size_t size() const noexcept { return texts_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return absl::Hash<std::string_view>()(text);
    }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept { return a == b; }
  };
  static constexpr std::size_t kFirstSweep = 1024;

  void share(base::Text& text);
  void share(base::Labels& labels);
  void sweep();

  absl::flat_hash_set<base::Text, Hash, Equal> texts_;
  std::size_t next_sweep_ = kFirstSweep;
};

}  // namespace discovery::state
