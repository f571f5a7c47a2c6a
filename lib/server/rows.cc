#include "lib/server/rows.h"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "lib/filter/filter.h"
#include "lib/model/describe_records.h"
#include "lib/model/filter_samples.h"
#include "lib/state/reads.h"

namespace discovery::server {
namespace {

const model::Node& row_of(const model::NodePtr& node) { return *node; }
const model::ServiceInstance& row_of(const model::ServicePtr& service) { return *service; }
const model::HealthCheck& row_of(const model::CheckPtr& check) { return *check; }
const model::ServiceNode& row_of(const model::ServiceNode& row) { return row; }
const model::CheckServiceNode& row_of(const model::CheckServiceNode& row) { return row; }

template <class Row>
Status filter_list(std::vector<Row>& rows, std::string_view expression, const std::atomic<bool>& stop) {
  using Record = std::remove_cvref_t<decltype(row_of(rows.front()))>;
  Result<filter::Filter> filter = filter::Filter::compile(expression, filter::schema_of<Record>());
  if (!filter.ok()) return filter.status();
  Status failure;
  std::erase_if(rows, [&](const Row& row) {
    if (stop.load(std::memory_order_relaxed)) return true;
    Result<bool> match = filter->matches(row_of(row));
    if (!match.ok()) failure = match.status();
    return match.ok() && !*match;
  });
  if (stop.load(std::memory_order_relaxed)) return {Code::kCancelled, "nobody waits for the answer any more"};
  return failure;
}

std::string_view node_name(const model::NodePtr& node) { return node->name; }
std::string_view node_name(const model::ServiceNode& row) { return row.node->name; }
std::string_view node_name(const model::CheckServiceNode& row) { return row.node->name; }
std::string_view node_name(const model::CheckPtr& check) { return check->node; }

template <class Row>
void sort_list(std::vector<Row>& rows, const model::Coordinate& from, const state::Snapshot& snapshot) {
  std::vector<std::pair<Duration, std::size_t>> order;
  order.reserve(rows.size());
  for (std::size_t at = 0; at < rows.size(); ++at) {
    const model::CoordinatePtr to = state::find_coordinate(snapshot, node_name(rows[at]));
    order.emplace_back(to ? model::estimate_rtt(from, to->coordinate) : Duration::max(), at);
  }
  std::sort(order.begin(), order.end());
  std::vector<Row> sorted;
  sorted.reserve(rows.size());
  for (const auto& [distance, at] : order) sorted.push_back(std::move(rows[at]));
  rows = std::move(sorted);
}

}  // namespace

Status filter_rows(model::Value& value, std::string_view expression, const std::atomic<bool>& stop) {
  if (expression.empty()) return {};
  return std::visit(
      [&](auto& rows) -> Status {
        if constexpr (std::is_same_v<std::decay_t<decltype(rows)>, model::NodeServices>) {
          return filter_list(rows.services, expression, stop);
        } else if constexpr (requires { row_of(rows.front()); }) {
          return filter_list(rows, expression, stop);
        } else {
          return {};
        }
      },
      value);
}

void sort_by_distance(model::Value& value, std::string_view near, const state::Snapshot& snapshot) {
  const model::CoordinatePtr from = state::find_coordinate(snapshot, near);
  if (!from) return;
  std::visit(
      [&](auto& rows) {
        if constexpr (requires { node_name(rows.front()); }) sort_list(rows, from->coordinate, snapshot);
      },
      value);
}

}  // namespace discovery::server
