#include "lib/api/instances.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include <discovery/registry.h>

namespace discovery::api {
namespace {

/// The words of the agent's own maintenance checks.
constexpr std::string_view kNodeMaintenance = "_node_maintenance";
constexpr std::string_view kServiceMaintenance = "_service_maintenance:";

Health health_of(const model::CheckServiceNode& row) {
  Health worst = Health::kPassing;
  for (const model::CheckPtr& check : row.checks) {
    const std::string_view id = check->check_id;
    if (id == kNodeMaintenance || id.starts_with(kServiceMaintenance)) return Health::kMaintenance;
    if (check->status == model::kCritical) {
      worst = Health::kCritical;
    } else if (check->status == model::kWarning) {
      worst = std::max(worst, Health::kWarning);
    }
  }
  return worst;
}

std::uint32_t weight_of(const model::Weights& weights, Health health) {
  if (health != Health::kPassing && health != Health::kWarning) return 0;
  const std::int64_t weight = health == Health::kPassing ? weights.passing : weights.warning;
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(weight, 0, 65535));
}

Labels to_labels(const model::Labels& labels) {
  Labels result;
  for (const auto& [name, value] : labels) result.emplace_hint(result.end(), name, value);
  return result;
}

/// Made from the same records.
bool same_row(const model::CheckServiceNode& a, const model::CheckServiceNode& b) {
  return a.node == b.node && a.service == b.service && a.checks == b.checks;
}

bool same_instance(const model::CheckServiceNode& a, const model::CheckServiceNode& b) {
  return a.service->id == b.service->id && a.node->name == b.node->name;
}

/// Finds the rows of one list in an earlier one.
class RowFinder {
 public:
  explicit RowFinder(const model::CheckServiceNodes& rows) : rows_(rows) {}
  /// The place of the row of the same instance; past the end if there is none.
  std::size_t find(const model::CheckServiceNode& row);

 private:
  using Key = std::pair<std::string_view, std::string_view>;
  struct Hash {
    std::size_t operator()(const Key& key) const noexcept {
      return std::hash<std::string_view>()(key.first) * 31 + std::hash<std::string_view>()(key.second);
    }
  };
  static Key key(const model::CheckServiceNode& row) { return {row.node->name, row.service->id}; }

  const model::CheckServiceNodes& rows_;
  std::size_t at_ = 0;                                // behind the last one that was found
  std::unordered_map<Key, std::size_t, Hash> index_;  // made when it is needed
};

}  // namespace

Instance to_instance(const model::CheckServiceNode& row) {
  Instance instance;
  instance.node = row.node->name.str();
  instance.id = row.service->id.str();
  instance.name = row.service->name.str();
  instance.datacenter = row.node->datacenter.str();
  instance.address = row.service->address.empty() ? row.node->address.str() : row.service->address.str();
  instance.port = static_cast<std::uint16_t>(std::clamp<std::int64_t>(row.service->port, 0, 65535));
  instance.health = health_of(row);
  instance.weight = weight_of(row.service->weights, instance.health);
  for (const model::Text& tag : row.service->tags) instance.tags.push_back(tag.str());
  instance.meta = to_labels(row.service->meta);
  return instance;
}

std::size_t RowFinder::find(const model::CheckServiceNode& row) {
  // Both lists are in the same order, but for what came or went in between.
  constexpr std::size_t kReach = 16;
  for (std::size_t i = at_; i < rows_.size() && i < at_ + kReach; ++i) {
    if (same_instance(row, rows_[i])) return (at_ = i + 1) - 1;
  }
  if (index_.empty()) {
    for (std::size_t i = 0; i < rows_.size(); ++i) index_.emplace(key(rows_[i]), i);
  }
  const auto found = index_.find(key(row));
  if (found == index_.end()) return rows_.size();
  at_ = found->second + 1;
  return found->second;
}

std::shared_ptr<const Instances> InstanceViews::next(const model::CheckServiceNodes& rows) {
  Instances instances;
  instances.reserve(rows.size());
  RowFinder finder(rows_);
  for (const model::CheckServiceNode& row : rows) {
    const std::size_t found = finder.find(row);
    const std::shared_ptr<const Instance> before = found < rows_.size() ? (*view_)[found] : nullptr;
    if (before && same_row(row, rows_[found])) {
      instances.push_back(before);
      continue;
    }
    Instance fresh = to_instance(row);
    if (before && fresh == *before) {
      instances.push_back(before);
    } else {
      instances.push_back(std::make_shared<const Instance>(std::move(fresh)));
    }
  }
  rows_ = rows;
  view_ = std::make_shared<const Instances>(std::move(instances));
  return view_;
}

}  // namespace discovery::api

namespace discovery::inline v0 {
namespace {

auto identity(const Instance& instance) { return std::tie(instance.datacenter, instance.node, instance.id); }

/// `after` against a list in another order.
void diff_by_key(const Instances& before, const Instances& after,
                 Changes<std::shared_ptr<const Instance>>& changes) {
  Instances old = before;
  Instances now = after;
  const auto by_identity = [](const auto& a, const auto& b) { return identity(*a) < identity(*b); };
  std::sort(old.begin(), old.end(), by_identity);
  std::sort(now.begin(), now.end(), by_identity);
  auto at = old.begin();
  for (const auto& instance : now) {
    for (; at != old.end() && identity(**at) < identity(*instance); ++at) changes.removed.push_back(*at);
    if (at == old.end() || identity(**at) != identity(*instance)) {
      changes.added.push_back(instance);
      continue;
    }
    if (*at != instance && !(**at == *instance)) changes.updated.push_back(instance);
    ++at;
  }
  changes.removed.insert(changes.removed.end(), at, old.end());
}

}  // namespace

Changes<std::shared_ptr<const Instance>> diff(const Instances& before, const Instances& after) {
  // What both begin and end with is the larger part of long lists, and the same objects.
  const auto head = std::mismatch(before.begin(), before.end(), after.begin(), after.end());
  const auto tail = std::mismatch(before.rbegin(), std::make_reverse_iterator(head.first), after.rbegin(),
                                  std::make_reverse_iterator(head.second));
  Changes<std::shared_ptr<const Instance>> changes;
  diff_by_key(Instances(head.first, tail.first.base()), Instances(head.second, tail.second.base()), changes);
  return changes;
}

}  // namespace discovery::inline v0
