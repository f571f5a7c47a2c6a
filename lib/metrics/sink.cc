#include "lib/metrics/sink.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace discovery::metrics {
namespace {

constexpr std::string_view kDropped = "telemetry.dropped";

}  // namespace

Series* dropped_series(Registry& registry, const std::string& name) {
  return registry.series(Kind::kCounter, kDropped, {{"sink", name}});
}

SinkBase::SinkBase(SinkParts parts)
    : parts_(std::move(parts)),
      dropped_(dropped_series(parts_.registry, parts_.name)),
      retry_(parts_.env.make_timer()) {}

void SinkBase::look_up() {
  if (auto at = env::Endpoint::parse(parts_.host, parts_.port)) {
    at->port = parts_.port;
    return found(*at);
  }
  parts_.env.resolve(parts_.host, [self = self_](const Result<std::vector<std::string>>& addresses) {
    if (*self == nullptr) return;
    if (!addresses.ok()) return (*self)->fail(addresses.status());
    if (addresses->empty()) return (*self)->fail({Code::kNotFound, "the name has no address"});
    (*self)->found({addresses->front(), (*self)->parts_.port});
  });
}

void SinkBase::fail(const Status& why) {
  if (!std::exchange(complained_, true)) {
    parts_.env.log().write(Level::kWarn, "telemetry",
                           "cannot reach " + parts_.name + " at " + parts_.host + ":" +
                               std::to_string(parts_.port) +
                               ", metrics are dropped until it is there: " + std::string(why.message()));
  }
  retry_->start(kRetryAfter, [this] { start(); });
}

void SinkBase::recover() {
  if (!std::exchange(complained_, false)) return;
  parts_.env.log().write(Level::kInfo, "telemetry", parts_.name + " is reached again");
}

void SinkBase::drop(std::uint64_t count) {
  if (count > 0) parts_.registry.add(dropped_, static_cast<double>(count));
}

void SinkBase::drop(std::span<const Event> events) {
  drop(static_cast<std::uint64_t>(std::count_if(
      events.begin(), events.end(), [](const Event& event) { return event.series->name != kDropped; })));
}

}  // namespace discovery::metrics
