#include "daemon/cli/service_definition.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <optional>
#include <utility>

#include "daemon/config/load.h"
#include "lib/base/strings.h"
#include "lib/codec/json_writer.h"

namespace discovery::cli {
namespace {

using hcl::Value;

/// The words of snake_case keys that the API does not spell with one capital.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kInitialisms{{{"grpc", "GRPC"},
                                                                                     {"h2ping", "H2PING"},
                                                                                     {"http", "HTTP"},
                                                                                     {"id", "ID"},
                                                                                     {"os", "OS"},
                                                                                     {"tcp", "TCP"},
                                                                                     {"tls", "TLS"},
                                                                                     {"ttl", "TTL"},
                                                                                     {"udp", "UDP"}}};

/// "tls_skip_verify" -> "TLSSkipVerify".
std::string api_name(std::string_view key) {
  std::string name;
  for (const std::string_view word : base::split(key, '_')) {
    const auto* const special = std::find_if(kInitialisms.begin(), kInitialisms.end(),
                                             [&](const auto& row) { return row.first == word; });
    if (special != kInitialisms.end()) {
      name += special->second;
    } else if (!word.empty()) {
      name += static_cast<char>(std::toupper(static_cast<unsigned char>(word[0])));
      name += word.substr(1);
    }
  }
  return name;
}

/// Whether the keys below `name` are the users' own.
bool is_free(std::string_view name) {
  return name == "Meta" || name == "Header" || name == "Config" || name == "EnvoyExtensions";
}

Value* find(Value::Object& object, std::string_view key) {
  const auto at =
      std::find_if(object.begin(), object.end(), [&](const hcl::Member& m) { return m.key == key; });
  return at == object.end() ? nullptr : &at->value;
}

void append(Value& list, Value::List items) {
  for (Value& item : items) list.as_list()->push_back(std::move(item));
}

/// Renames the keys below `value`, which is that of `owner`. The depth is bounded by that of the parser.
Value renamed(const Value& value, std::string_view owner) {
  if (is_free(owner)) return value;
  if (const Value::List* const list = value.as_list(); list != nullptr) {
    Value::List out;
    for (const Value& item : *list) out.push_back(renamed(item, owner));
    return Value(std::move(out), value.line());
  }
  const Value::Object* const object = value.as_object();
  if (object == nullptr) return value;

  const bool is_check = owner == "Check" || owner == "Checks";
  Value::Object out;
  for (const hcl::Member& member : *object) {
    if (owner == "TaggedAddresses") {  // its keys are the users', their objects are the API's
      out.push_back({member.key, renamed(member.value, "")});
    } else {
      std::string name = is_check && member.key == "id" ? "CheckID" : api_name(member.key);
      Value inner = renamed(member.value, name);
      out.push_back({std::move(name), std::move(inner)});
    }
  }
  return Value(std::move(out), value.line());
}

/// The services in files do not depend on the machine; this one has nothing to say.
config::Host no_host() {
  const auto no_addresses = []() -> Result<std::vector<std::string>> { return std::vector<std::string>(); };
  return {.hostname = []() -> Result<std::string> { return std::string("localhost"); },
          .private_ipv4 = no_addresses,
          .public_ipv6 = no_addresses,
          .max_open_files = []() -> std::optional<std::uint64_t> { return std::nullopt; }};
}

void write(codec::JsonWriter& writer, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNull:
      return writer.null();
    case Value::Kind::kBool:
      return writer.boolean(*value.as_bool());
    case Value::Kind::kInt:
      return writer.integer(*value.as_int());
    case Value::Kind::kDouble:
      return writer.number(*value.as_double());
    case Value::Kind::kString:
      return writer.string(*value.as_string());
    case Value::Kind::kList:
      writer.begin_array();
      for (const Value& item : *value.as_list()) {
        writer.element();
        write(writer, item);
      }
      return writer.end_array();
    case Value::Kind::kObject:
      writer.begin_object();
      for (const hcl::Member& member : *value.as_object()) {
        writer.key(member.key);
        write(writer, member.value);
      }
      return writer.end_object();
  }
}

}  // namespace

Value to_api_form(const Value& definition) { return renamed(definition, ""); }

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

std::string to_json(const Value& value) {
  std::string out;
  codec::JsonWriter writer(out);
  write(writer, value);
  return out;
}

Result<std::vector<Value>> load_services(std::span<const std::string> paths) {
  config::AgentFlags flags{.dev = true};  // which needs nothing else to be complete
  flags.config_paths.assign(paths.begin(), paths.end());
  const Result<config::LoadedConfig> loaded = config::load_agent_config(flags, no_host());
  if (!loaded.ok()) return loaded.status();
  std::vector<Value> services;
  for (const Value& service : loaded->config.services) services.push_back(to_api_form(service));
  if (services.empty()) return invalid_argument("no service is defined in the given files");
  return services;
}

}  // namespace discovery::cli
