#include "lib/gossip/user_events.h"

#include <algorithm>
#include <utility>

#include "lib/codec/msgpack.h"

namespace discovery::gossip {
namespace {

Status too_large(std::string_view when) {
  return invalid_argument("user event exceeds configured limit of " + std::to_string(UserEvents::kMaxBytes) +
                          " bytes " + std::string(when) + " encoding");
}

}  // namespace

std::size_t UserEvents::encoded_size(const UserEventMessage& message) {
  std::string out;
  codec::MsgpackWriter writer(out);
  writer.map(4);
  writer.raw("CC");
  writer.boolean(message.coalesce);
  writer.raw("LTime");
  writer.integer(message.ltime);
  writer.raw("Name");
  writer.raw(message.name);
  writer.raw("Payload");
  writer.raw(message.payload);
  return 1 + out.size();
}

Result<UserEventMessage> UserEvents::make(std::string name, std::string payload) {
  if (name.size() + payload.size() > kMaxBytes) return too_large("before");
  UserEventMessage message{.ltime = clock_, .name = std::move(name), .payload = std::move(payload)};
  if (encoded_size(message) > kMaxBytes) return too_large("after");
  ++clock_;
  return message;
}

bool UserEvents::receive(const UserEventMessage& message) {
  if (message.ltime >= clock_) clock_ = message.ltime + 1;
  if (clock_ > kMemory && message.ltime < clock_ - kMemory) return false;
  Seen& seen = seen_[message.ltime % kMemory];
  if (seen.ltime != message.ltime) seen = {.ltime = message.ltime};
  Content content{message.name, message.payload};
  if (std::find(seen.events.begin(), seen.events.end(), content) != seen.events.end()) return false;
  if (seen.events.size() >= kMaxAtOneTime) return false;
  seen.events.push_back(std::move(content));
  return true;
}

}  // namespace discovery::gossip
