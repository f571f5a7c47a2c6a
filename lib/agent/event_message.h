#pragma once

#include <string>
#include <string_view>

#include <discovery/status.h>

#include "lib/model/event.h"

namespace discovery::agent {

/// How a user event is called in the pool: this, and its own name.
inline constexpr std::string_view kUserEventPrefix = "consul:event:";
/// The event that a server fires when it becomes the leader; its payload is the server's name.
inline constexpr std::string_view kNewLeaderEvent = "consul:new-leader";

/// What the pool carries of a user event, in MessagePack as Consul's agents write it. Pure.
std::string encode_user_event(const model::UserEvent& event);

/// The event that such a payload stands for. kInvalidArgument. Pure.
Result<model::UserEvent> decode_user_event(std::string_view payload);

}  // namespace discovery::agent
