#include "lib/http1/server_state.h"

#include "lib/http1/response_head.h"

namespace discovery::http1 {

void ServerState::refresh() {
  now = env.clock().monotonic();
  const auto second = std::chrono::floor<std::chrono::seconds>(env.clock().wall());
  if (second == date_of_ && !date.empty()) return;
  date_of_ = second;
  date = format_date(second);
}

void ServerState::wait_for(Wait what, ListLink<Connection>& link, Duration& deadline) {
  if (what == Wait::kNothing) {
    link.unlink();
    return;
  }
  deadline = now + timeout_of(what) + kTick;  // `now` may be a tick old
  waits[static_cast<std::size_t>(what)].push_back(link);
}

Duration ServerState::timeout_of(Wait what) const noexcept {
  switch (what) {
    case Wait::kRequest:
      return options.idle_timeout;
    case Wait::kHead:
      return options.header_timeout;
    case Wait::kBody:
      return options.body_timeout;
    case Wait::kWrite:
      return options.write_timeout;
    case Wait::kLinger:
      return kLingerTimeout;
    case Wait::kNothing:
      break;
  }
  return {};
}

bool ServerState::has_room_for(const std::string& address) const {
  if (address.empty() || options.max_connections_per_address == 0) return true;
  const auto found = per_address_.find(address);
  return found == per_address_.end() || found->second < options.max_connections_per_address;
}

void ServerState::joined(ListLink<Connection>& link, const std::string& address) {
  connections.push_back(link);
  ++counters.open;
  if (!address.empty()) ++per_address_[address];
}

void ServerState::left(ListLink<Connection>& link, const std::string& address) {
  link.unlink();
  --counters.open;
  if (!address.empty()) {
    const auto found = per_address_.find(address);
    if (--found->second == 0) per_address_.erase(found);
  }
  if (counters.open == 0) report_empty();
}

void ServerState::report_empty() {
  if (on_empty) std::exchange(on_empty, nullptr)();
}

std::unique_ptr<Incoming> ServerState::take_incoming() {
  if (incoming_.empty()) return std::make_unique<Incoming>();
  auto incoming = std::move(incoming_.back());
  incoming_.pop_back();
  return incoming;
}

void ServerState::give_back(std::unique_ptr<Incoming> incoming) {
  if (incoming_.size() == kKept) return;
  incoming->request = {};
  incoming->fields.clear();
  incoming_.push_back(std::move(incoming));
}

std::string ServerState::take_output() {
  if (outputs_.empty()) return {};
  std::string output = std::move(outputs_.back());
  outputs_.pop_back();
  return output;
}

void ServerState::give_back(std::string output) {
  if (outputs_.size() == kKept || output.capacity() > kLargestKeptOutput) return;
  output.clear();
  outputs_.push_back(std::move(output));
}

}  // namespace discovery::http1
