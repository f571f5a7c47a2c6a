#include "lib/http1/server_state.h"

#include <new>
#include <utility>

#include "lib/http1/connection.h"
#include "lib/http1/response_head.h"

namespace discovery::http1 {

ServerState::ServerState(env::Env& world, const ServerOptions& limits, Handler& requests)
    : env(world), handler(requests), options(limits), room_(world.make_timer()) {}

void ServerState::refresh() {
  if (!reserve_) reserve_.reset(new (std::nothrow) char[kReserve]);
  now = env.clock().monotonic();
  const auto second = std::chrono::floor<std::chrono::seconds>(env.clock().wall());
  if (second == date_of_ && !date.empty()) return;
  date_of_ = second;
  date = format_date(second);
}

void ServerState::wait_for(Wait what, base::ListLink<Connection>& link, Duration& deadline) {
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

void ServerState::joined(base::ListLink<Connection>& link, const std::string& address) {
  connections.push_back(link);
  ++counters.open;
  if (!address.empty()) ++per_address_[address];
}

void ServerState::left(base::ListLink<Connection>& link, const std::string& address) {
  link.unlink();
  --counters.open;
  if (!address.empty()) {
    const auto found = per_address_.find(address);
    if (--found->second == 0) per_address_.erase(found);
  }
  if (counters.open == 0) report_empty();
}

void ServerState::refuses(base::ListLink<Connection>& link) {
  refused_.push_back(link);
  if (++refused_count_ > options.max_refusals) refused_.front()->cut();
}

void ServerState::refused(base::ListLink<Connection>& link) {
  link.unlink();
  --refused_count_;
}

bool ServerState::push_out_idle() {
  Connection* const idle = waits[static_cast<std::size_t>(Wait::kRequest)].front();
  if (idle == nullptr) return false;
  ++counters.pushed_out;
  idle->cut();
  return true;
}

void ServerState::holds(base::ListLink<Connection>& link, std::size_t& held, std::size_t bytes) {
  counters.incoming_bytes += bytes - held;  // the difference may be negative, and wraps twice then
  held = bytes;
  if (bytes == 0) return link.unlink();
  if (!link.linked()) incoming_large_.push_back(link);
  if (counters.incoming_bytes <= options.max_incoming_bytes || std::exchange(room_wanted_, true)) return;
  // Soon, since those that are cut off may be anywhere in their work now.
  room_->start(Duration::zero(), [this] { make_room_for_incoming(nullptr); });
}

void ServerState::make_room_for_incoming(const Connection* spared) {
  room_wanted_ = false;
  while (counters.incoming_bytes > options.max_incoming_bytes) {
    Connection* first = incoming_large_.front();
    if (first == nullptr) return;
    Connection* const second = base::IntrusiveList<Connection>::next(first->load_link());
    if (second == nullptr) return;
    if (first == spared) first = second;
    ++counters.cut_incoming;
    first->cut();
  }
}

bool ServerState::has_room_to_send(std::string_view body) {
  const auto fits = [&] {
    return counters.outgoing_bytes == 0 || senders_.contains(body.data()) ||
           counters.outgoing_bytes + body.size() <= options.max_outgoing_bytes;
  };
  while (!fits()) {
    Connection* const slowest = outgoing_.front();
    if (slowest == nullptr || slowest->slice_begun() + kSlowSlice > now) {
      ++counters.refused_answers;
      return false;
    }
    ++counters.cut_outgoing;
    slowest->cut();
  }
  return true;
}

void ServerState::sends(base::ListLink<Connection>& link, std::string_view body) {
  outgoing_.push_back(link);
  if (++senders_[body.data()] == 1) counters.outgoing_bytes += body.size();
}

void ServerState::sent(base::ListLink<Connection>& link, std::string_view body) {
  link.unlink();
  const auto found = senders_.find(body.data());
  if (--found->second > 0) return;
  senders_.erase(found);
  counters.outgoing_bytes -= body.size();
}

void ServerState::report_empty() {
  if (on_empty) std::exchange(on_empty, nullptr)();
}

std::unique_ptr<Incoming> ServerState::take_incoming() {
  if (incoming_.empty()) return std::make_unique<Incoming>();
  auto incoming = std::move(incoming_.back());
  incoming_.pop_back();
  kept_bodies_ -= incoming->request.body.capacity();
  return incoming;
}

void ServerState::give_back(std::unique_ptr<Incoming> incoming) {
  incoming->request = {};  // the body keeps its memory
  const std::size_t body = incoming->request.body.capacity();
  if (incoming_.size() == kKept || kept_bodies_ + body > kMostKeptOfBodies) return;
  kept_bodies_ += body;
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
