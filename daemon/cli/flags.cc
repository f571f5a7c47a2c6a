#include "daemon/cli/flags.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "daemon/cli/format.h"
#include "lib/base/nearest.h"
#include "lib/base/strings.h"

namespace discovery::cli {
namespace {

constexpr std::size_t kHelpIndent = 5;
constexpr std::size_t kHelpWidth = 78;

/// An integer in Go's notation: decimal, or hexadecimal (0x), octal (0o, 0) or binary (0b) by its prefix.
template <class Int>
Result<Int> parse_integer(std::string_view text) {
  const bool negative = text.starts_with('-') && std::numeric_limits<Int>::is_signed;
  std::string_view digits = text;
  if (negative || (text.starts_with('+') && std::numeric_limits<Int>::is_signed)) digits.remove_prefix(1);
  int base = 10;
  if (digits.size() > 1 && digits[0] == '0') {
    const char kind = static_cast<char>(digits[1] | 0x20);
    base = kind == 'x' ? 16 : kind == 'b' ? 2 : 8;
    digits.remove_prefix(kind == 'x' || kind == 'b' || kind == 'o' ? 2 : 1);
  }
  std::uint64_t magnitude = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, magnitude, base);
  if (error == std::errc::result_out_of_range) return invalid_argument("value out of range");
  if (error != std::errc() || stop != end) return invalid_argument("parse error");
  const std::uint64_t limit =
      static_cast<std::uint64_t>(std::numeric_limits<Int>::max()) + (negative ? 1 : 0);
  if (magnitude > limit) return invalid_argument("value out of range");
  return static_cast<Int>(negative ? 0 - magnitude : magnitude);
}

template <class Int>
std::function<Status(const std::string&)> integer_setter(Int& target) {
  return [&target](const std::string& value) {
    const Result<Int> number = parse_integer<Int>(value);
    if (number.ok()) target = *number;
    return number.status();
  };
}

}  // namespace

void FlagSet::add(const FlagText& text, bool& target) {
  flags_.push_back({text, true, [&target](const std::string& value) {
                      const Result<bool> parsed = parse_bool(value);
                      if (parsed.ok()) target = *parsed;
                      return parsed.status();
                    }});
}

void FlagSet::add(const FlagText& text, std::string& target) {
  flags_.push_back({text, false, [&target](const std::string& value) {
                      target = value;
                      return Status();
                    }});
}

void FlagSet::add(const FlagText& text, int& target) {
  flags_.push_back({text, false, integer_setter(target)});
}

void FlagSet::add(const FlagText& text, std::uint64_t& target) {
  flags_.push_back({text, false, integer_setter(target)});
}

void FlagSet::add(const FlagText& text, std::vector<std::string>& target) {
  flags_.push_back({text, false, [&target](const std::string& value) {
                      target.push_back(value);
                      return Status();
                    }});
}

void FlagSet::add(const FlagText& text, KeyValues& target) {
  flags_.push_back({text, false, [&target](const std::string& value) {
                      const std::size_t equals = value.find('=');
                      if (equals == std::string::npos) {
                        return invalid_argument("Missing \"=\" value in argument: " + value);
                      }
                      target[value.substr(0, equals)] = value.substr(equals + 1);
                      return Status();
                    }});
}

void FlagSet::add(const FlagText& text, bool is_bool, std::function<Status(const std::string&)> set) {
  flags_.push_back({text, is_bool, std::move(set)});
}

const FlagSet::Flag* FlagSet::find(std::string_view name) const {
  const auto at =
      std::find_if(flags_.begin(), flags_.end(), [&](const Flag& flag) { return flag.text.name == name; });
  return at == flags_.end() ? nullptr : &*at;
}

std::string FlagSet::did_you_mean(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const Flag& flag : flags_) {
    if (flag.text.name.size() > 1) names.push_back(flag.text.name);
  }
  const std::string_view best = base::nearest(name, names);
  return best.empty() ? "" : " (did you mean -" + std::string(best) + "?)";
}

Result<std::vector<std::string>> FlagSet::parse(std::span<const std::string> args) const {
  std::size_t next = 0;
  while (next < args.size()) {
    const std::string_view arg = args[next];
    if (arg.size() < 2 || arg[0] != '-') break;
    ++next;
    if (arg == "--") break;
    const std::string_view body = arg.substr(arg[1] == '-' ? 2 : 1);
    if (body.empty() || body[0] == '-' || body[0] == '=') {
      return invalid_argument("bad flag syntax: " + std::string(arg));
    }
    const std::size_t equals = body.find('=');
    const std::string name(body.substr(0, equals));
    const Flag* const flag = find(name);
    if (flag == nullptr)
      return invalid_argument("flag provided but not defined: -" + name + did_you_mean(name));

    std::string value = "true";
    if (equals != std::string_view::npos) {
      value = body.substr(equals + 1);
    } else if (!flag->is_bool) {
      if (next == args.size()) return invalid_argument("flag needs an argument: -" + name);
      value = args[next++];
    }
    if (const Status status = flag->set(value); !status.ok()) {
      const std::string what = flag->is_bool ? "invalid boolean value " + base::go_quote(value) + " for -"
                                             : "invalid value " + base::go_quote(value) + " for flag -";
      return invalid_argument(what + name + ": " + std::string(status.message()));
    }
  }
  return std::vector<std::string>(args.begin() + static_cast<std::ptrdiff_t>(next), args.end());
}

std::string FlagSet::usage() const {
  std::vector<const Flag*> sorted;
  for (const Flag& flag : flags_) sorted.push_back(&flag);
  std::sort(sorted.begin(), sorted.end(), [](const Flag* a, const Flag* b) {
    return std::pair(a->text.group, a->text.name) < std::pair(b->text.group, b->text.name);
  });
  std::string out;
  const Flag* previous = nullptr;
  for (const Flag* flag : sorted) {
    if (previous == nullptr || previous->text.group != flag->text.group) {
      out += flag->text.group == FlagGroup::kCommand ? "Command Options\n\n" : "HTTP API Options\n\n";
    }
    out += "  -" + std::string(flag->text.name);
    if (!flag->text.placeholder.empty()) out += "=<" + std::string(flag->text.placeholder) + ">";
    out += "\n" + wrap(flag->text.help, kHelpIndent, kHelpWidth) + "\n\n";
    previous = flag;
  }
  return out;
}

Result<bool> parse_bool(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return false;
  }
  return invalid_argument("parse error");
}

}  // namespace discovery::cli
