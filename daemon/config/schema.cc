#include "daemon/config/schema.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <utility>

#include "lib/base/duration.h"
#include "lib/base/nearest.h"
#include "lib/base/strings.h"

namespace discovery::config {
namespace {

using hcl::Value;

/// The name that Consul's decoder has for a type in its messages.
std::string_view name_of(Type type) {
  switch (type) {
    case Type::kBool:
      return "bool";
    case Type::kInt:
    case Type::kInt64:
      return "int";
    case Type::kUint32:
      return "uint32";
    case Type::kUint64:
      return "uint64";
    case Type::kFloat:
      return "float64";
    default:
      return "string";
  }
}

/// The same for a value that was given.
std::string_view type_name_of(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNull:
      return "nil";
    case Value::Kind::kBool:
      return "bool";
    case Value::Kind::kInt:
      return "int";
    case Value::Kind::kDouble:
      return "float64";
    case Value::Kind::kString:
      return "string";
    case Value::Kind::kList:
      return "[]interface {}";
    case Value::Kind::kObject:
      return "map[string]interface {}";
  }
  return "";
}

/// "slice", "map", or the name of a plain type.
std::string_view kind_name_of(const Value& value) {
  if (value.as_list() != nullptr) return "slice";
  if (value.as_object() != nullptr) return "map";
  return type_name_of(value);
}

/// A value in a message, as Go's verb %v prints it.
std::string show(const Value& value) {
  if (const bool* data = value.as_bool()) return *data ? "true" : "false";
  if (const std::int64_t* data = value.as_int()) return std::to_string(*data);
  if (const std::string* data = value.as_string()) return *data;
  if (const double* data = value.as_double()) {
    char text[32];
    return std::string(text, std::to_chars(std::begin(text), std::end(text), *data).ptr);
  }
  std::string out;
  if (const Value::List* list = value.as_list()) {
    for (const Value& element : *list) out += (out.empty() ? "" : " ") + show(element);
    return "[" + out + "]";
  }
  if (const Value::Object* object = value.as_object()) {
    for (const hcl::Member& member : *object)
      out += (out.empty() ? "" : " ") + member.key + ":" + show(member.value);
    return "map[" + out + "]";
  }
  return "<nil>";
}

std::string quoted(const std::string& path) { return "'" + path + "'"; }

/// Turns one value into the form that its type has.
class Reader {
 public:
  explicit Reader(Problems& problems) : problems_(problems) {}

  /// Nothing if the value is null or wrong; in the latter case the reason is among the problems.
  std::optional<Value> read(const Value& value, Type type, const Schema& (*nested)(),
                            const std::string& path) {
    if (value.is_null()) return std::nullopt;
    if (const Value::List* list = value.as_list(); list != nullptr && !is_list(type)) {
      if (list->empty()) return std::nullopt;
      if (list->size() == 1) return read(list->front(), type, nested, path);
    }
    switch (type) {
      case Type::kBool:
        return value.as_bool() != nullptr ? std::optional(value) : mismatch(value, type, path);
      case Type::kInt:
      case Type::kInt64:
      case Type::kUint32:
      case Type::kUint64:
        return read_integer(value, type, path);
      case Type::kFloat:
        return read_float(value, path);
      case Type::kString:
        return value.as_string() != nullptr ? std::optional(value) : mismatch(value, type, path);
      case Type::kDuration:
        return read_duration(value, path, path);
      case Type::kStrings:
      case Type::kAnyList:
      case Type::kObjectList:
        return read_list(value, type, nested, path);
      case Type::kObject:
        return value.as_object() != nullptr ? nested().read_object(value, path + ".", problems_)
                                            : no_map(value, path);
      case Type::kAny:
        return value.as_object() != nullptr ? std::optional(value) : no_map(value, path);
      case Type::kStringMap:
      case Type::kDurationMap:
      case Type::kStringsMap:
      case Type::kObjectMap:
        return read_map(value, type, nested, path);
    }
    return std::nullopt;
  }

 private:
  std::nullopt_t wrong_type(const Value& value, std::string problem) {
    problems_.types.push_back(std::move(problem));
    problems_.lines.push_back(value.line());
    return std::nullopt;
  }

  std::optional<Value> mismatch(const Value& value, Type type, const std::string& path) {
    return wrong_type(value, quoted(path) + " expected type '" + std::string(name_of(type)) +
                                 "', got unconvertible type '" + std::string(type_name_of(value)) +
                                 "', value: '" + (is_secret(path) ? "<hidden>" : show(value)) + "'");
  }

  std::optional<Value> no_map(const Value& value, const std::string& path) {
    return wrong_type(value,
                      quoted(path) + " expected a map, got '" + std::string(kind_name_of(value)) + "'");
  }

  std::optional<Value> read_integer(const Value& value, Type type, const std::string& path) {
    std::int64_t number = 0;
    if (const std::int64_t* integer = value.as_int()) {
      number = *integer;
    } else if (const double* real = value.as_double(); real != nullptr && is_integer(*real)) {
      number = static_cast<std::int64_t>(*real);
    } else {
      return mismatch(value, type, path);
    }
    const bool is_unsigned = type == Type::kUint32 || type == Type::kUint64;
    if (is_unsigned && number < 0) {
      return wrong_type(value,
                        "cannot parse " + quoted(path) + ", " + std::to_string(number) + " overflows uint");
    }
    const bool fits_32 =
        type == Type::kInt ? std::in_range<std::int32_t>(number) : std::in_range<std::uint32_t>(number);
    if ((type == Type::kInt || type == Type::kUint32) && !fits_32) {
      return wrong_type(value,
                        "cannot parse " + quoted(path) + ", " + std::to_string(number) + " is out of range");
    }
    return Value(number, value.line());
  }

  /// Whether a number can be converted to 64 bits and back. JSON has only one kind of number.
  static bool is_integer(double number) {
    constexpr double kLimit = 9007199254740992.0;  // up to here every integer has its own double
    return number >= -kLimit && number <= kLimit &&
           number == static_cast<double>(static_cast<std::int64_t>(number));
  }

  std::optional<Value> read_float(const Value& value, const std::string& path) {
    if (value.as_double() != nullptr) return value;
    if (const std::int64_t* integer = value.as_int())
      return Value(static_cast<double>(*integer), value.line());
    return mismatch(value, Type::kFloat, path);
  }

  /// `name` is how the message calls the key, `path` how the decoder does.
  std::optional<Value> read_duration(const Value& value, const std::string& name, const std::string& path) {
    const std::string* text = value.as_string();
    if (text == nullptr) return mismatch(value, Type::kDuration, path);
    const Result<std::chrono::nanoseconds> parsed = base::parse_go_duration(*text);
    if (parsed.ok()) return value;
    problems_.values.push_back(name + ": invalid duration: " + base::go_quote(*text) + ": " +
                               std::string(parsed.status().message()));
    problems_.lines.push_back(value.line());
    return std::nullopt;
  }

  std::optional<Value> read_list(const Value& value, Type type, const Schema& (*nested)(),
                                 const std::string& path) {
    const Type element_type = type == Type::kStrings   ? Type::kString
                              : type == Type::kAnyList ? Type::kAny
                                                       : Type::kObject;
    Value::List out;
    if (const Value::List* list = value.as_list()) {
      for (std::size_t i = 0; i < list->size(); ++i) {
        auto element = read((*list)[i], element_type, nested, path + "[" + std::to_string(i) + "]");
        if (element) out.push_back(std::move(*element));
      }
    } else if (value.as_object() != nullptr && type != Type::kStrings) {
      if (auto element = read(value, element_type, nested, path + "[0]")) out.push_back(std::move(*element));
    } else {
      return wrong_type(value, quoted(path) + ": source data must be an array or slice, got " +
                                   std::string(kind_name_of(value)));
    }
    return Value(std::move(out), value.line());
  }

  std::optional<Value> read_map(const Value& value, Type type, const Schema& (*nested)(),
                                const std::string& path) {
    const Value::Object* object = value.as_object();
    if (object == nullptr) return no_map(value, path);
    Value::Object out;
    for (const hcl::Member& member : *object) {
      const std::string member_path = path + "[" + member.key + "]";
      std::optional<Value> entry;
      if (type == Type::kDurationMap) {
        entry = read_duration(member.value, path + "[" + base::go_quote(member.key) + "]", member_path);
      } else {
        const Type entry_type = type == Type::kStringMap    ? Type::kString
                                : type == Type::kStringsMap ? Type::kStrings
                                                            : Type::kObject;
        entry = read(member.value, entry_type, nested, member_path);
      }
      if (entry) out.push_back({member.key, std::move(*entry)});
    }
    return Value(std::move(out), value.line());
  }

  Problems& problems_;
};

/// Looking for a suggestion is slow; who has more keys wrong than this has another problem.
constexpr std::size_t kMaxSuggestions = 10;

/// Adds a setting, or replaces the one that was given under another spelling of the key.
void put(std::vector<Setting>& settings, Setting setting) {
  const auto same = [&](const Setting& other) { return other.key == setting.key; };
  const auto at = std::find_if(settings.begin(), settings.end(), same);
  if (at == settings.end()) {
    settings.push_back(std::move(setting));
  } else {
    *at = std::move(setting);
  }
}

}  // namespace

bool is_list(Type type) noexcept {
  return type == Type::kStrings || type == Type::kAnyList || type == Type::kObjectList;
}

Schema::Schema(std::span<const Key> keys) : keys_(keys) {
  for (std::size_t row = 0; row < keys.size(); ++row) {
    const std::string path(keys[row].path);
    rows_.emplace(path, row);
    const std::size_t last_dot = path.rfind('.');
    const std::string section = last_dot == std::string::npos ? "" : path.substr(0, last_dot + 1);
    if (!keys[row].alias.empty()) rows_.emplace(section + std::string(keys[row].alias), row);
    for (std::size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', dot + 1)) {
      sections_.insert(path.substr(0, dot));
    }
  }
}

std::optional<std::size_t> Schema::find(std::string_view path) const {
  const auto at = rows_.find(std::string(path));
  return at == rows_.end() ? std::nullopt : std::optional(at->second);
}

std::vector<Setting> Schema::read(const Value::Object& object, const std::string& where,
                                  Problems& problems) const {
  std::vector<Setting> settings;
  read_section(object, "", where, settings, problems);
  return settings;
}

void Schema::read_section(const Value::Object& object, const std::string& section, const std::string& where,
                          std::vector<Setting>& settings, Problems& problems) const {
  Reader reader(problems);
  for (const hcl::Member& member : object) {
    const std::string path = section + base::to_lower(member.key);
    if (const auto row = find(path)) {
      const Key& key = keys_[*row];
      auto value = reader.read(member.value, key.type, key.nested, where + std::string(key.path));
      if (value) put(settings, {*row, std::move(*value)});
    } else if (sections_.contains(path)) {
      const auto inner = reader.read(member.value, Type::kAny, nullptr, where + path);
      if (inner) read_section(*inner->as_object(), path + ".", where, settings, problems);
    } else {
      std::string message = "invalid config key " + where + section + member.key;
      if (problems.unknown_keys.size() < kMaxSuggestions)
        message += did_you_mean(section, base::to_lower(member.key));
      problems.unknown_keys.push_back(std::move(message));
      problems.lines.push_back(member.value.line());
    }
  }
}

hcl::Value Schema::read_object(const Value& object, const std::string& where, Problems& problems) const {
  Value::Object out;
  for (Setting& setting : read(*object.as_object(), where, problems)) {
    out.push_back({std::string(keys_[setting.key].path), std::move(setting.value)});
  }
  return Value(std::move(out), object.line());
}

/// Suggests the key of the same section that is most alike, if any is alike at all.
std::string Schema::did_you_mean(const std::string& section, std::string_view key) const {
  std::vector<std::string_view> names;
  const auto consider = [&](std::string_view path) {
    if (!path.starts_with(section)) return;
    const std::string_view name = path.substr(section.size());
    if (name.find('.') == std::string_view::npos) names.push_back(name);
  };
  for (const Key& candidate : keys_) consider(candidate.path);
  for (const std::string& candidate : sections_) consider(candidate);
  const std::string_view best = base::nearest(key, names);
  return best.empty() ? "" : " (did you mean " + base::go_quote(section + std::string(best)) + "?)";
}

bool is_secret(std::string_view path) {
  if (path.starts_with("acl.tokens.") || path == "encrypt" || path.starts_with("connect.ca_config"))
    return true;
  const std::size_t dot = path.rfind('.');
  const std::string_view name = dot == std::string_view::npos ? path : path.substr(dot + 1);
  return name.ends_with("token") || name.starts_with("circonus_api");
}

std::string join_errors(std::span<const std::string> errors) {
  std::string out =
      std::to_string(errors.size()) + (errors.size() == 1 ? " error" : " errors") + " occurred:";
  for (const std::string& error : errors) out += "\n\t* " + error;
  return out + "\n\n";
}

}  // namespace discovery::config
