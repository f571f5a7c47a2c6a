#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <absl/container/flat_hash_map.h>
#include <absl/strings/string_view.h>

#include "lib/hcl/value.h"

namespace discovery::hcl {

/// Gathers the members of an object in order and finds one by its key in constant time, also where a hostile
/// text gives an object a million of them.
class ObjectBuilder {
 public:
  /// The value of `key`, or null. Valid until the next add().
  Value* find(std::string_view key) {
    if (members_.size() <= kIndexedFrom) {
      for (Member& member : members_) {
        if (member.key == key) return &member.value;
      }
      return nullptr;
    }
    const auto at = index_.find(absl::string_view(key.data(), key.size()));
    return at == index_.end() ? nullptr : &members_[at->second].value;
  }

  /// REQUIRES: find(key) is null.
  void add(std::string key, Value value) {
    members_.push_back({std::move(key), std::move(value)});
    if (members_.size() <= kIndexedFrom) return;
    for (std::size_t i = index_.size(); i < members_.size(); ++i) index_.emplace(members_[i].key, i);
  }

  Value::Object finish() && { return std::move(members_); }

 private:
  /// Most objects are so small that looking through them is cheaper than an index.
  static constexpr std::size_t kIndexedFrom = 16;

  Value::Object members_;
  absl::flat_hash_map<std::string, std::size_t> index_;
};

}  // namespace discovery::hcl
