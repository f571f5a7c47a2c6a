#include "daemon/config/address_template.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <utility>
#include <variant>

#include "lib/base/strings.h"
#include "lib/filter/pattern.h"

namespace discovery::config {
namespace {

using Interfaces = std::vector<InterfaceAddress>;

// Addresses and networks
// ------------------------------------------------------------------------------------------------

/// An address as bits, of 4 or 16 bytes.
struct Bits {
  std::array<unsigned char, 16> bytes{};
  int size = 0;
  friend bool operator==(const Bits&, const Bits&) = default;
  friend bool operator<(const Bits& a, const Bits& b) {
    if (a.bytes == b.bytes) return a.size < b.size;
    return std::lexicographical_compare(a.bytes.begin(), a.bytes.end(), b.bytes.begin(), b.bytes.end());
  }
};

std::optional<Bits> bits_of(const std::string& address) {
  Bits bits;
  if (inet_pton(AF_INET, address.c_str(), bits.bytes.data()) == 1) {
    bits.size = 4;
  } else if (inet_pton(AF_INET6, address.c_str(), bits.bytes.data()) == 1) {
    bits.size = 16;
  } else {
    return std::nullopt;
  }
  return bits;
}

/// The address with all bits behind the prefix cleared.
Bits masked(Bits bits, int prefix) {
  for (int i = 0; i < bits.size; ++i) {
    const int kept = std::clamp(prefix - 8 * i, 0, 8);
    bits.bytes.at(static_cast<std::size_t>(i)) &= static_cast<unsigned char>(0xFF00 >> kept);
  }
  return bits;
}

std::string text_of(const Bits& bits) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(bits.size == 4 ? AF_INET : AF_INET6, bits.bytes.data(), text.data(), text.size());
  return text.data();
}

bool is_v4(const InterfaceAddress& at) { return at.address.find(':') == std::string::npos; }

/// Whether an address is in "network/prefix". Nothing if that is none.
std::optional<bool> is_in(const std::string& address, std::string_view network) {
  const std::size_t slash = network.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto base = bits_of(std::string(network.substr(0, slash)));
  int prefix = -1;
  const char* const end = network.data() + network.size();
  const auto [stop, error] = std::from_chars(network.data() + slash + 1, end, prefix);
  if (!base || error != std::errc() || stop != end || prefix < 0 || prefix > 8 * base->size)
    return std::nullopt;
  const auto bits = bits_of(address);
  return bits && bits->size == base->size && masked(*bits, prefix) == masked(*base, prefix);
}

struct Rfc {
  std::string_view number;
  std::string_view networks;  // separated by spaces
};

constexpr std::array kRfcs = {
    Rfc{"1918", "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16"},
    Rfc{"6598", "100.64.0.0/10"},
    Rfc{"3927", "169.254.0.0/16"},
    Rfc{"4193", "fc00::/7"},
    Rfc{"5735", "127.0.0.0/8"},
    // What is for special purposes, private use among them.
    Rfc{"6890",
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 "
        "192.0.2.0/24 "
        "192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 ::1/128 "
        "::/128 "
        "64:ff9b::/96 ::ffff:0:0/96 100::/64 2001::/23 2001:db8::/32 2002::/16 fc00::/7 fe80::/10"},
};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool is_of_rfc(const InterfaceAddress& at, const Rfc& rfc) {
  const auto networks = split(rfc.networks, ' ');
  return std::any_of(networks.begin(), networks.end(),
                     [&](std::string_view network) { return is_in(at.address, network).value_or(false); });
}

bool is_special(const InterfaceAddress& at) { return is_of_rfc(at, kRfcs.back()); }

/// Whether packets from there may leave the link.
bool is_forwardable(const InterfaceAddress& at) {
  constexpr std::array<std::string_view, 6> kStays = {"127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4",
                                                      "::1/128",     "fe80::/10",      "ff00::/8"};
  return std::none_of(kStays.begin(), kStays.end(),
                      [&](std::string_view network) { return is_in(at.address, network).value_or(false); });
}

// Which addresses
// ------------------------------------------------------------------------------------------------

using Predicate = std::function<bool(const InterfaceAddress&)>;

Interfaces keep(const Interfaces& from, const Predicate& wanted) {
  Interfaces kept;
  std::copy_if(from.begin(), from.end(), std::back_inserter(kept), wanted);
  return kept;
}

int size_of_network(const InterfaceAddress& at) { return (is_v4(at) ? 32 : 128) - at.prefix; }

/// Below zero if `a` comes first by the key.
Result<int> compare(std::string_view key, const InterfaceAddress& a, const InterfaceAddress& b) {
  const auto sign = [](auto x, auto y) { return x < y ? -1 : y < x ? 1 : 0; };
  if (key == "address") return sign(*bits_of(a.address), *bits_of(b.address));
  if (key == "default") return sign(!a.is_default, !b.is_default);
  if (key == "name") return sign(a.name, b.name);
  if (key == "private") return sign(!is_special(a), !is_special(b));
  if (key == "size") return sign(size_of_network(a), size_of_network(b));
  if (key == "type") return sign(!is_v4(a), !is_v4(b));
  return invalid_argument("unknown sort key: " + base::go_quote(key));
}

/// A key of `sort` without the sign of its direction.
std::string_view bare(std::string_view key) { return key.substr(key.find_first_of("+-") == 0 ? 1 : 0); }

Result<Interfaces> sorted(std::string_view keys, Interfaces list) {
  for (const std::string_view key : split(keys, ',')) {
    const InterfaceAddress any{.address = "0.0.0.0"};
    if (const auto known = compare(bare(key), any, any); !known.ok()) return known.status();
  }
  std::stable_sort(list.begin(), list.end(), [&](const InterfaceAddress& a, const InterfaceAddress& b) {
    for (const std::string_view key : split(keys, ',')) {
      const int order = *compare(bare(key), a, b);
      if (order != 0) return key.starts_with('-') ? order > 0 : order < 0;
    }
    return false;
  });
  return list;
}

/// What `include` and `exclude` ask for.
Result<Predicate> predicate(const std::string& selector, const std::string& value) {
  if (selector == "type") {
    const std::string type = base::to_lower(value);
    if (type == "ip") return Predicate([](const InterfaceAddress&) { return true; });
    if (type == "ipv4") return Predicate(is_v4);
    if (type == "ipv6") return Predicate(std::not_fn(is_v4));
  } else if (selector == "name" || selector == "address") {
    const auto pattern = filter::Pattern::compile(value);
    if (!pattern.ok()) return pattern.status();
    const bool by_name = selector == "name";
    return Predicate([pattern = *pattern, by_name](const InterfaceAddress& at) {
      return pattern.found_in(by_name ? at.name : at.address);
    });
  } else if (selector == "network") {
    if (is_in("", value))
      return Predicate([value](const InterfaceAddress& at) { return *is_in(at.address, value); });
  } else if (selector == "rfc" || selector == "rfcs") {
    std::vector<const Rfc*> rfcs;
    for (const std::string_view number : split(value, '|')) {
      const auto* const at =
          std::find_if(kRfcs.begin(), kRfcs.end(), [&](const Rfc& rfc) { return rfc.number == number; });
      if (at == kRfcs.end()) return invalid_argument("unknown RFC: " + std::string(number));
      rfcs.push_back(at);
    }
    return Predicate([rfcs](const InterfaceAddress& at) {
      return std::any_of(rfcs.begin(), rfcs.end(), [&](const Rfc* rfc) { return is_of_rfc(at, *rfc); });
    });
  } else if (selector == "flag" || selector == "flags") {
    std::vector<Predicate> all;
    for (const std::string_view flag : split(value, '|')) {
      if (flag == "up")
        all.emplace_back([](const InterfaceAddress& at) { return at.up; });
      else if (flag == "loopback")
        all.emplace_back([](const InterfaceAddress& at) { return at.loopback; });
      else if (flag == "broadcast")
        all.emplace_back([](const InterfaceAddress& at) { return at.broadcast; });
      else if (flag == "multicast")
        all.emplace_back([](const InterfaceAddress& at) { return at.multicast; });
      else if (flag == "point-to-point")
        all.emplace_back([](const InterfaceAddress& at) { return at.point_to_point; });
      else if (flag == "forwardable")
        all.emplace_back(is_forwardable);
      else
        return invalid_argument("unknown flag: " + base::go_quote(flag));
    }
    return Predicate([all](const InterfaceAddress& at) {
      return std::all_of(all.begin(), all.end(), [&](const Predicate& fits) { return fits(at); });
    });
  } else {
    return invalid_argument("unknown selector: " + base::go_quote(selector));
  }
  return invalid_argument("invalid " + selector + ": " + base::go_quote(value));
}

Result<std::string> attribute(const std::string& name, const InterfaceAddress& at) {
  if (name == "address" || name == "host") return at.address;
  if (name == "name") return at.name;
  if (name == "type") return std::string(is_v4(at) ? "IPv4" : "IPv6");
  if (name == "mask_bits") return std::to_string(at.prefix);
  if (name == "string") return at.address + "/" + std::to_string(at.prefix);
  if (name == "network")
    return text_of(masked(*bits_of(at.address), at.prefix)) + "/" + std::to_string(at.prefix);
  return invalid_argument("unknown attribute: " + base::go_quote(name));
}

Interfaces of_scope(const Interfaces& machine, bool special) {
  return *sorted("default,type,size", keep(machine, [special](const InterfaceAddress& at) {
                   return at.up && is_forwardable(at) && is_special(at) == special;
                 }));
}

// The language
// ------------------------------------------------------------------------------------------------

using Value = std::variant<std::string, std::int64_t, Interfaces>;

/// Evaluates what stands between {{ and }}.
class Evaluator {
 public:
  Evaluator(std::string_view text, const Interfaces& machine) : rest_(text), machine_(machine) {}

  Result<std::string> run() {
    Result<Value> value = pipeline();
    if (!value.ok()) return value.status();
    if (!rest_.empty()) return invalid_argument("unexpected " + base::go_quote(rest_.substr(0, 1)));
    if (const auto* text = std::get_if<std::string>(&*value)) return *text;
    if (const auto* number = std::get_if<std::int64_t>(&*value)) return std::to_string(*number);
    return invalid_argument(
        "a list of interfaces is no address: add | attr \"address\" or | join \"address\" \" \"");
  }

 private:
  /// A command, and what it leads to behind each bar.
  Result<Value> pipeline() {
    std::optional<Value> previous;
    do {
      Result<Value> value = command(std::move(previous));
      if (!value.ok()) return value;
      previous = *std::move(value);
    } while (take('|'));
    return *std::move(previous);
  }

  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }

  bool take(char c) {
    skip_space();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    skip_space();
    return true;
  }

  std::string word() {
    const auto is_part = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
             c == '-';
    };
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_part);
    std::string found(rest_.begin(), end);
    rest_.remove_prefix(found.size());
    return found;
  }

  /// An argument, or nothing if none follows.
  Result<std::optional<Value>> argument() {
    skip_space();
    if (rest_.empty() || rest_[0] == '|' || rest_[0] == ')') return std::optional<Value>();
    if (rest_[0] == '"' || rest_[0] == '`') {
      const std::size_t end = rest_.find(rest_[0], 1);
      if (end == std::string_view::npos) return invalid_argument("unterminated quoted string");
      std::string text(rest_.substr(1, end - 1));
      rest_.remove_prefix(end + 1);
      return std::optional<Value>(std::move(text));
    }
    if (rest_[0] == '(') {
      if (++depth_ > kMaxDepth) return invalid_argument("too many parentheses");
      take('(');
      Result<Value> inner = pipeline();
      if (!inner.ok()) return inner.status();
      if (!take(')')) return invalid_argument("unclosed left parenthesis");
      --depth_;
      return std::optional<Value>(*std::move(inner));
    }
    const std::string text = word();
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc() || stop != text.data() + text.size()) {
      return invalid_argument("unexpected " + base::go_quote(text.empty() ? rest_.substr(0, 1) : text) +
                              " in operand");
    }
    return std::optional<Value>(number);
  }

  Result<Value> command(std::optional<Value> previous) {
    skip_space();
    std::string name;
    std::vector<Value> arguments;
    if (!rest_.empty() && ((rest_[0] >= 'a' && rest_[0] <= 'z') || (rest_[0] >= 'A' && rest_[0] <= 'Z')))
      name = word();
    while (true) {
      Result<std::optional<Value>> next = argument();
      if (!next.ok()) return next.status();
      if (!*next) break;
      arguments.push_back(**std::move(next));
    }
    if (previous) arguments.push_back(*std::move(previous));
    if (!name.empty()) return call(name, arguments);
    if (arguments.size() != 1) return invalid_argument("missing value for command");
    return std::move(arguments.front());
  }

  Result<Value> call(const std::string& name, std::vector<Value>& arguments) {
    if (arguments.empty()) {
      if (name == "GetAllInterfaces") return Value(*sorted("default,type,size", machine_));
      if (name == "GetDefaultInterfaces") {
        return Value(keep(machine_, [](const InterfaceAddress& at) { return at.is_default; }));
      }
      if (name == "GetPrivateInterfaces") return Value(of_scope(machine_, true));
      if (name == "GetPublicInterfaces") return Value(of_scope(machine_, false));
      if (name == "GetPrivateIP") return first("address", of_scope(machine_, true));
      if (name == "GetPublicIP") return first("address", of_scope(machine_, false));
      if (name == "GetPrivateIPs") return joined("address", " ", of_scope(machine_, true));
      if (name == "GetPublicIPs") return joined("address", " ", of_scope(machine_, false));
    }
    if (arguments.size() == 1 && (name == "GetInterfaceIP" || name == "GetInterfaceIPs")) {
      const auto* const interface = std::get_if<std::string>(&arguments[0]);
      if (interface == nullptr) return invalid_argument(name + " takes the name of an interface");
      const auto wanted = predicate("name", "^(?:" + *interface + ")$");
      if (!wanted.ok()) return wanted.status();
      const Interfaces list = *sorted("type,size", keep(keep(machine_, *wanted), is_forwardable));
      return name == "GetInterfaceIP" ? first("address", list) : joined("address", " ", list);
    }
    auto* const list = arguments.empty() ? nullptr : std::get_if<Interfaces>(&arguments.back());
    if (list == nullptr) return unknown(name);
    return narrow(name, arguments, *list);
  }

  /// Functions whose last argument is a list.
  static Result<Value> narrow(const std::string& name, const std::vector<Value>& arguments,
                              const Interfaces& list) {
    const auto text = [&](std::size_t i) {
      const auto* const found = i + 1 < arguments.size() ? std::get_if<std::string>(&arguments[i]) : nullptr;
      return found == nullptr ? std::string() : *found;
    };
    const std::size_t count = arguments.size() - 1;
    if ((name == "include" || name == "exclude") && count == 2) {
      const auto wanted = predicate(text(0), text(1));
      if (!wanted.ok()) return wanted.status();
      return Value(name == "include" ? keep(list, *wanted) : keep(list, std::not_fn(*wanted)));
    }
    if (name == "sort" && count == 1) {
      Result<Interfaces> result = sorted(text(0), list);
      if (!result.ok()) return result.status();
      return Value(*std::move(result));
    }
    if (name == "attr" && count == 1) return first(text(0), list);
    if (name == "join" && count == 2) return joined(text(0), text(1), list);
    if (name == "unique" && count == 1) return unique(text(0), list);
    const auto* const number = count == 1 ? std::get_if<std::int64_t>(&arguments[0]) : nullptr;
    if (number != nullptr && name == "limit" && *number >= 0) {
      const auto kept = std::min<std::size_t>(static_cast<std::size_t>(*number), list.size());
      return Value(Interfaces(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(kept)));
    }
    if (number != nullptr && name == "offset") {
      const auto size = static_cast<std::int64_t>(list.size());
      const std::int64_t from = std::clamp<std::int64_t>(*number < 0 ? size + *number : *number, 0, size);
      return Value(Interfaces(list.begin() + from, list.end()));
    }
    return unknown(name);
  }

  static Status unknown(const std::string& name) {
    return invalid_argument("function " + base::go_quote(name) + " not defined, or not for what it is given");
  }

  static Result<Value> first(const std::string& name, const Interfaces& list) {
    if (list.empty()) return Value(std::string());
    Result<std::string> text = attribute(name, list.front());
    if (!text.ok()) return text.status();
    return Value(*std::move(text));
  }

  static Result<Value> joined(const std::string& name, const std::string& separator, const Interfaces& list) {
    std::string out;
    for (const InterfaceAddress& at : list) {
      const Result<std::string> text = attribute(name, at);
      if (!text.ok()) return text.status();
      out += (out.empty() ? "" : separator) + *text;
    }
    return Value(std::move(out));
  }

  static Result<Value> unique(const std::string& name, const Interfaces& list) {
    Interfaces kept;
    std::vector<std::string> seen;
    for (const InterfaceAddress& at : list) {
      Result<std::string> text = attribute(name, at);
      if (!text.ok()) return text.status();
      if (std::find(seen.begin(), seen.end(), *text) != seen.end()) continue;
      seen.push_back(*std::move(text));
      kept.push_back(at);
    }
    return Value(std::move(kept));
  }

  static constexpr int kMaxDepth = 16;

  std::string_view rest_;
  const Interfaces& machine_;
  int depth_ = 0;
};

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";

}  // namespace

bool is_address_template(std::string_view text) { return text.find(kOpen) != std::string_view::npos; }

Result<std::string> expand_address_template(std::string_view text,
                                            const std::vector<InterfaceAddress>& machine) {
  std::string out;
  while (true) {
    const std::size_t open = text.find(kOpen);
    out += text.substr(0, open);
    if (open == std::string_view::npos) return out;
    text.remove_prefix(open + kOpen.size());
    const std::size_t close = text.find(kClose);
    if (close == std::string_view::npos) return invalid_argument("unclosed action");
    Result<std::string> value = Evaluator(text.substr(0, close), machine).run();
    if (!value.ok()) return value;
    out += *value;
    text.remove_prefix(close + kClose.size());
  }
}

}  // namespace discovery::config
