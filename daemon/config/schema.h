#pragma once

/// \file
/// Which keys a configuration may have and what their values must be, as tables. Unknown keys and wrong types
/// are found here, for all keys alike, in the words of Consul's decoder.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "lib/hcl/value.h"

namespace discovery::config {

class Schema;

/// What the value of a key must be.
enum class Type : std::uint8_t {
  kBool,
  kInt,  ///< 32 bits
  kInt64,
  kUint32,
  kUint64,
  kFloat,
  kString,
  kDuration,     ///< a string in Go's notation
  kStrings,      ///< a list of strings
  kStringMap,    ///< an object of strings; its keys are the user's
  kDurationMap,  ///< an object of durations
  kStringsMap,   ///< an object of lists of strings
  kAny,          ///< an object with whatever keys
  kAnyList,      ///< a list of such objects, or one
  kObject,       ///< an object with the keys of Key::nested
  kObjectList,   ///< a list of such objects, or one
  kObjectMap,    ///< an object of such objects; its keys are the user's
};

/// Whether values of the type grow from source to source instead of being replaced.
bool is_list(Type type) noexcept;

/// A row of a schema.
struct Key {
  std::string_view path;  ///< "ports.http"; the part before a dot is a section
  Type type;
  const Schema& (*nested)() = nullptr;  ///< of objects; a function, as definitions may contain themselves
  std::string_view alias{};             ///< a second name for the last part of the path, in lower case
};

/// A key that was given, with its value in the one form its type has.
struct Setting {
  std::size_t key = 0;  ///< its row in the schema
  hcl::Value value;
};

/// All that was wrong with one source.
struct Problems {
  std::vector<std::string> types;         ///< "'server' expected type 'bool', got ..."
  std::vector<std::string> unknown_keys;  ///< "invalid config key bogus"
  std::vector<std::string> values;        ///< "retry_interval: invalid duration: ..."
  std::vector<int> lines;  ///< where they are, in the order in which they were found; 0: unknown
};

/// A set of keys. Threads: immutable once made.
class Schema {
 public:
  /// The rows must outlive the schema.
  explicit Schema(std::span<const Key> keys);

  std::size_t size() const { return keys_.size(); }
  const Key& key(std::size_t row) const { return keys_[row]; }
  /// The row of a key by its path in the spelling of the table.
  std::optional<std::size_t> find(std::string_view path) const;

  /// Checks `object` and takes it apart; `where` is its own path with a dot behind it, or empty. Null values
  /// are left out, a list of one stands for its element where no list is wanted, and keys count in any case,
  /// as Consul has it.
  std::vector<Setting> read(const hcl::Value::Object& object, const std::string& where,
                            Problems& problems) const;

  /// Checks `object` and returns it with its keys in the spelling of the table. No path may have a section.
  hcl::Value read_object(const hcl::Value& object, const std::string& where, Problems& problems) const;

 private:
  void read_section(const hcl::Value::Object& object, const std::string& section, const std::string& where,
                    std::vector<Setting>& settings, Problems& problems) const;
  std::string did_you_mean(const std::string& section, std::string_view key) const;

  std::span<const Key> keys_;
  std::unordered_map<std::string, std::size_t> rows_;
  std::unordered_set<std::string> sections_;
};

/// Whether the value of a key must not be shown to anybody: tokens, keys of encryption.
bool is_secret(std::string_view path);

/// `count` errors as Consul lists them: "2 errors occurred:\n\t* ...\n\t* ...\n\n".
std::string join_errors(std::span<const std::string> errors);

}  // namespace discovery::config
