#pragma once

/// \file
/// Every key of the agent's configuration, in one table
/// (https://developer.hashicorp.com/consul/docs/agent/config/config-files).

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "daemon/config/draft.h"
#include "daemon/config/schema.h"
#include "lib/hcl/value.h"

namespace discovery::config {

/// What becomes of a key that is given.
enum class Effect : std::uint8_t {
  kStatic,    ///< it counts from the next start on
  kReload,    ///< it counts from the next reload on
  kLater,     ///< it is taken, with a warning that nothing makes use of it yet, or with `note` why none does
  kAlwaysOn,  ///< it is on in any case: whoever turns it off is told why that is so by `note`
  kEnterprise,  ///< the same for what Consul has in its Enterprise edition only
  kDeprecated,  ///< it sets the key `note` unless the same source gives that itself, with a warning; without
                ///< a note it means nothing any more
  kRenamed,     ///< the same without a warning
  kRefused,     ///< it is an error with the text `note`
};

/// A row of the table.
struct AgentKey {
  Key key;
  Effect effect = Effect::kStatic;
  /// Takes over a value that the schema has let pass: a plain one replaces, a list or map grows. Null if
  /// nothing keeps the value. Where `note` names a key, that is set as well.
  void (*set)(Draft& draft, const hcl::Value& value) = nullptr;
  /// Copies the member. Null if nothing keeps the value.
  void (*copy)(Draft& to, const Draft& from) = nullptr;
  /// Whether the member has one value in both. Null if nothing keeps the value.
  bool (*same)(const Draft& a, const Draft& b) = nullptr;
  std::string_view note{};
};

/// The keys as a schema.
const Schema& agent_schema();

/// The row of a Setting that was read by agent_schema().
const AgentKey& agent_key(std::size_t row);

}  // namespace discovery::config
