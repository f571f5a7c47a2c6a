#pragma once

/// \file
/// How locks and semaphores lie in the key/value store: the layout of `consul lock` and of Consul's Go client
/// (https://developer.hashicorp.com/consul/docs/dynamic-app-config/sessions,
/// https://developer.hashicorp.com/consul/tutorials/developer-configuration/distributed-semaphore), so that
/// all of them respect each other. Pure.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <discovery/status.h>

#include "lib/codec/describe.h"

namespace discovery::model {

/// What marks the keys of locks and of semaphores, so that nobody takes one for the other.
inline constexpr std::uint64_t kLockFlags = 0x2ddccbc058a50c18;
inline constexpr std::uint64_t kSemaphoreFlags = 0xe0f69a2baa414de0;

/// The last part of the key that says who holds a semaphore.
inline constexpr std::string_view kSemaphoreKey = ".lock";

/// What that key holds.
struct SemaphoreHolders {
  std::int64_t limit = 0;
  std::map<std::string, bool> holders{};  ///< sessions; the mere mention counts
};

template <class Archive, codec::Described<SemaphoreHolders> R>
void describe(Archive& archive, R& holders) {
  archive.field("Limit", holders.limit);
  archive.field("Holders", holders.holders);
}

/// What the key says; `permits` is the limit where it is empty, since nobody has agreed on one. Errors:
/// kInvalidArgument if the text is none.
Result<SemaphoreHolders> decode_semaphore(std::string_view text, std::int64_t permits);
std::string encode(const SemaphoreHolders& holders);

}  // namespace discovery::model
