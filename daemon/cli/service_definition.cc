#include "daemon/cli/service_definition.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "daemon/config/load.h"
#include "lib/api/definition_form.h"

namespace discovery::cli {
namespace {

using hcl::Value;

Value* find(Value::Object& object, std::string_view key) {
  const auto at =
      std::find_if(object.begin(), object.end(), [&](const hcl::Member& m) { return m.key == key; });
  return at == object.end() ? nullptr : &at->value;
}

void append(Value& list, Value::List items) {
  for (Value& item : items) list.as_list()->push_back(std::move(item));
}

/// The services in files do not depend on the machine; this one has nothing to say.
config::Host no_host() {
  const auto no_addresses = []() -> Result<std::vector<std::string>> { return std::vector<std::string>(); };
  return {.hostname = []() -> Result<std::string> { return std::string("localhost"); },
          .private_ipv4 = no_addresses,
          .public_ipv6 = no_addresses,
          .max_open_files = []() -> std::optional<std::uint64_t> { return std::nullopt; },
          .interfaces = []() -> Result<std::vector<config::InterfaceAddress>> {
            return std::vector<config::InterfaceAddress>();
          }};
}

}  // namespace

void fill_in(Value& definition, const Value& given) {
  Value::Object& object = *definition.as_object();
  for (const hcl::Member& member : *given.as_object()) {
    Value* const own = find(object, member.key);
    if (own == nullptr) {
      object.push_back(member);
    } else if (own->as_list() != nullptr && member.value.as_list() != nullptr) {
      append(*own, *member.value.as_list());
    } else if (own->as_object() != nullptr && member.value.as_object() != nullptr) {
      for (const hcl::Member& entry : *member.value.as_object()) {
        Value* const same = find(*own->as_object(), entry.key);
        if (same == nullptr) {
          own->as_object()->push_back(entry);
        } else {
          *same = entry.value;
        }
      }
    }
  }
}

std::string text_member(const Value& object, std::string_view key) {
  const Value* const value = object.find(key);
  const std::string* const text = value == nullptr ? nullptr : value->as_string();
  return text == nullptr ? std::string() : *text;
}

Result<std::vector<Value>> load_services(std::span<const std::string> paths) {
  config::AgentFlags flags{.dev = true};  // which needs nothing else to be complete
  flags.config_paths.assign(paths.begin(), paths.end());
  const Result<config::LoadedConfig> loaded = config::load_agent_config(flags, no_host());
  if (!loaded.ok()) return loaded.status();
  std::vector<Value> services;
  for (const agent::Definition& service : loaded->config.services) {
    services.push_back(api::to_api_form(service.value));
  }
  if (services.empty()) return invalid_argument("no service is defined in the given files");
  return services;
}

}  // namespace discovery::cli
