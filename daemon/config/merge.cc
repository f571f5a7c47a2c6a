#include "daemon/config/merge.h"

#include <algorithm>
#include <array>
#include <utility>

#include "daemon/config/explain.h"
#include "daemon/config/flags.h"
#include "lib/base/strings.h"

namespace discovery::config {
namespace {

using hcl::Value;

/// "2 error(s) decoding:\n\n* ...\n* ...", as Consul's decoder lists what has the wrong type.
std::string join_type_errors(std::vector<std::string> errors) {
  std::sort(errors.begin(), errors.end());
  std::string out = std::to_string(errors.size()) + " error(s) decoding:\n";
  for (const std::string& error : errors) out += "\n* " + error;
  return out;
}

/// Whether the value leaves a feature off, so that it does not matter whether the feature is there.
bool asks_for_nothing(const Value& value) {
  if (const bool* data = value.as_bool()) return !*data;
  if (const std::int64_t* data = value.as_int()) return *data <= 0;
  if (const double* data = value.as_double()) return *data <= 0;
  if (const std::string* data = value.as_string()) return data->empty();
  if (const Value::List* data = value.as_list()) return data->empty();
  if (const Value::Object* data = value.as_object()) return data->empty();
  return true;
}

bool stands_for_another(const AgentKey& key) {
  return (key.effect == Effect::kDeprecated || key.effect == Effect::kRenamed) && !key.note.empty();
}

std::string deprecation(const AgentKey& key) {
  const std::string path(key.key.path);
  if (key.note.empty()) return "config key " + base::go_quote(path) + " is deprecated and should be removed";
  return "The '" + path + "' field is deprecated. Use the '" + std::string(key.note) + "' field instead.";
}

}  // namespace

Status Merge::add(const std::string& name, const Value& content) { return add_source(name, false, content); }

Status Merge::add_flags(const Value& content) { return add_source("flags", true, content); }

Status Merge::add_source(const std::string& name, bool is_flags, const Value& content) {
  source_ = name;
  source_is_flags_ = is_flags;
  Problems problems;
  std::vector<Setting> settings = agent_schema().read(*content.as_object(), "", problems);
  std::vector<std::string> places;
  for (const int line : problems.lines) {
    if (line > 0) places.push_back(name + ":" + std::to_string(line));
  }
  if (!problems.types.empty()) {
    return invalid_argument(
        explained("failed to parse " + name + ": " + join_type_errors(std::move(problems.types)), places));
  }
  if (!problems.unknown_keys.empty()) {
    return invalid_argument(
        explained("failed to parse " + name + ": " + join_errors(problems.unknown_keys), places));
  }
  if (!problems.values.empty()) {
    problems_.insert(problems_.end(), problems.values.begin(), problems.values.end());
    problem_places_.insert(problem_places_.end(), places.begin(), places.end());
    // Of flags there is no line, but their key is the first word of the message.
    for (const std::string& problem : problems.values) {
      if (is_flags) problem_places_.push_back(place(problem.substr(0, problem.find_first_of(":[")), 0));
    }
  }
  return apply(std::move(settings));
}

std::string Merge::place(std::string_view path, int line) const {
  if (source_is_flags_) return "flag -" + std::string(flag_of(path));
  return line > 0 ? source_ + ":" + std::to_string(line) : source_;
}

/// The place of a key that a message calls `word`: its path, or the last part of it.
const std::string* Merge::place_of(std::string_view word) const {
  const auto found = given_at_.find(word);
  if (found != given_at_.end()) return &found->second;
  for (const auto& [path, place] : given_at_) {
    if (path.size() > word.size() && path.ends_with(word) && path[path.size() - word.size() - 1] == '.')
      return &place;
  }
  return nullptr;
}

std::vector<std::string> Merge::places_in(std::string_view message) const {
  // Some messages have other words for a key.
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kWords = {{
      {"log level", "log_level"},
      {"node ID", "node_id"},
      {"Advertise address", "advertise_addr"},
      {"Advertise WAN address", "advertise_addr_wan"},
      {"CA provider", "connect.ca_provider"},
      {"ui-content-path", "ui_config.content_path"},
      {"recursor", "recursors"},
  }};
  constexpr std::string_view kNameCharacters = "abcdefghijklmnopqrstuvwxyz0123456789_.";
  std::vector<std::string> places;
  const auto add = [&places](const std::string* place) {
    if (place == nullptr || std::find(places.begin(), places.end(), *place) != places.end()) return;
    places.push_back(*place);
  };
  for (std::size_t begin = 0;
       (begin = message.find_first_of(kNameCharacters, begin)) != std::string_view::npos;) {
    const std::size_t end = std::min(message.find_first_not_of(kNameCharacters, begin), message.size());
    std::string_view word = message.substr(begin, end - begin);
    begin = end;
    while (word.ends_with('.')) word.remove_suffix(1);
    add(word.size() < 4 ? nullptr : place_of(word));
  }
  for (const auto& [word, key] : kWords) {
    if (message.find(word) != std::string_view::npos) add(place_of(key));
  }
  return places;
}

void Merge::add_defaults(const Value& content) {
  Problems problems;
  for (const Setting& setting : agent_schema().read(*content.as_object(), "", problems)) {
    const AgentKey& key = agent_key(setting.key);
    if (key.set != nullptr) key.set(draft_, setting.value);
  }
}

Status Merge::apply(std::vector<Setting> settings) {
  // First those that count only where the key they stand for is not given itself.
  std::stable_partition(settings.begin(), settings.end(),
                        [](const Setting& setting) { return stands_for_another(agent_key(setting.key)); });
  for (const Setting& setting : settings) {
    const AgentKey* key = &agent_key(setting.key);
    const std::string where = place(key->key.path, setting.value.line());
    given_at_.insert_or_assign(std::string(key->key.path), where);
    draft_.source = source_;
    if (key->effect == Effect::kRefused) {
      return invalid_argument(explained(std::string(key->note), {where}));
    }
    if (key->effect == Effect::kDeprecated) warn(deprecation(*key));
    if (key->set != nullptr) key->set(draft_, setting.value);
    if (stands_for_another(*key)) {
      key = &agent_key(*agent_schema().find(key->note));
      if (key->set != nullptr) key->set(draft_, setting.value);
    }
    const std::string path(key->key.path);
    if (key->effect == Effect::kLater && !asks_for_nothing(setting.value)) {
      warn("config key " + base::go_quote(path) +
           (key->note.empty() ? " is accepted but not in force yet"
                              : " has no effect: " + std::string(key->note)));
    }
    if (const bool* on = setting.value.as_bool(); key->effect == Effect::kAlwaysOn && on != nullptr && !*on) {
      warn("config key " + base::go_quote(path) + " cannot be turned off: " + std::string(key->note));
    }
    if (key->effect == Effect::kEnterprise && !asks_for_nothing(setting.value)) {
      warn(base::go_quote(path) + " is a Consul Enterprise configuration and will have no effect");
    }
  }
  return {};
}

void Merge::warn(std::string message) {
  if (warned_.insert(message).second) warnings_.push_back(std::move(message));
}

}  // namespace discovery::config
