#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/text.h"

namespace discovery::base {

/// A small map from string to string, sorted by key: metadata of nodes and services. Threads: a value.
class Labels {
 public:
  using value_type = std::pair<Text, Text>;
  using const_iterator = std::vector<value_type>::const_iterator;

  Labels() = default;
  Labels(std::initializer_list<value_type> items) {
    for (const auto& item : items) set(item.first, item.second);
  }

  bool empty() const noexcept { return items_.empty(); }
  std::size_t size() const noexcept { return items_.size(); }
  const_iterator begin() const noexcept { return items_.begin(); }
  const_iterator end() const noexcept { return items_.end(); }

  /// The value of `key`, or null. Valid until the next change.
  const Text* find(std::string_view key) const noexcept {
    const auto at = position(key);
    return at != items_.end() && at->first == key ? &at->second : nullptr;
  }
  /// Adds or replaces.
  void set(Text key, Text value) {
    const auto at = items_.begin() + (position(key) - items_.begin());
    if (at != items_.end() && at->first == key) {
      at->second = std::move(value);
    } else {
      items_.emplace(at, std::move(key), std::move(value));
    }
  }
  /// Calls `change(Text&)` for all keys and values; it may put equal ones in their places.
  template <class Change>
  void for_each(Change&& change) {
    for (auto& [key, value] : items_) {
      change(key);
      change(value);
    }
  }
  /// Whether every pair of `wanted` is here.
  bool contains_all(const Labels& wanted) const noexcept {
    return std::all_of(wanted.begin(), wanted.end(), [this](const value_type& pair) {
      const Text* value = find(pair.first);
      return value != nullptr && *value == pair.second;
    });
  }
  friend bool operator==(const Labels&, const Labels&) = default;

 private:
  const_iterator position(std::string_view key) const noexcept {
    return std::lower_bound(
        items_.begin(), items_.end(), key,
        [](const value_type& item, std::string_view wanted) { return item.first < wanted; });
  }

  std::vector<value_type> items_;
};

}  // namespace discovery::base
