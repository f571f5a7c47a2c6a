#pragma once

/// \file
/// How long JSON will be, about, before it is written: who writes much does it off the loop.

#include <cstddef>
#include <span>

#include "lib/model/answer.h"
#include "lib/model/local_agent.h"

namespace discovery::http {

/// Writing more JSON than this takes long: about 200 µs.
inline constexpr std::size_t kLongJson = 192U << 10;

/// About how many bytes of JSON an answer is, its large strings and lists included. Counts no further once it
/// is more than `enough`. Pure; any thread.
std::size_t json_size(const model::Value& value, std::size_t enough);
std::size_t json_size(std::span<const model::AgentService> services, std::size_t enough);
std::size_t json_size(std::span<const model::CheckPtr> checks, std::size_t enough);

}  // namespace discovery::http
