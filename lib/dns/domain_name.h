#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace discovery::dns {

/// A domain name in its wire form (RFC 1035, section 3.1): labels with a length byte each, and a zero at the
/// end. Always complete (fully qualified) and within the limits. Threads: a value.
class DomainName {
 public:
  static constexpr std::size_t kMaxBytes = 255;  ///< of the wire form, RFC 1035, section 2.3.4
  static constexpr std::size_t kMaxLabel = 63;

  /// The root.
  DomainName() : wire_(1, '\0') {}
  /// The name that `text` spells, with or without the dot at the end. A backslash is an ordinary character.
  /// None where a label is empty or a limit is passed.
  static std::optional<DomainName> parse(std::string_view text);
  /// From a wire form that is known to be well formed and without pointers.
  static DomainName from_wire(std::string wire) { return DomainName(std::move(wire)); }

  const std::string& wire() const noexcept { return wire_; }
  bool is_root() const noexcept { return wire_.size() == 1; }
  /// Views into this name, from the left.
  std::vector<std::string_view> labels() const;
  /// Whether this is `suffix` or lies below it, without regard to case.
  bool is_below(const DomainName& suffix) const;
  /// With ASCII letters in lower case.
  DomainName lower() const;
  /// "web.service.consul."; dots inside a label, backslashes and what can't be printed are escaped (RFC
  /// 4343).
  std::string to_text() const;

  friend bool operator==(const DomainName&, const DomainName&) = default;

 private:
  explicit DomainName(std::string wire) : wire_(std::move(wire)) {}

  std::string wire_;
};

}  // namespace discovery::dns
