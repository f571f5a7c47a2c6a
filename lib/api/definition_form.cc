#include "lib/api/definition_form.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>

#include "lib/base/strings.h"
#include "lib/codec/json_writer.h"

namespace discovery::api {
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

std::string to_json(const Value& value) {
  std::string out;
  codec::JsonWriter writer(out);
  write(writer, value);
  return out;
}

}  // namespace discovery::api
