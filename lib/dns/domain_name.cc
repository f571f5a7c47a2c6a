#include "lib/dns/domain_name.h"

#include <cstdint>

#include "lib/base/strings.h"

namespace discovery::dns {

std::optional<DomainName> DomainName::parse(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty()) return DomainName();
  std::string wire;
  wire.reserve(text.size() + 2);
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('.', at), text.size());
    const std::string_view label = text.substr(at, end - at);
    if (label.empty() || label.size() > kMaxLabel) return std::nullopt;
    wire += static_cast<char>(label.size());
    wire += label;
    at = end + 1;
  }
  wire += '\0';
  if (wire.size() > kMaxBytes) return std::nullopt;
  return DomainName(std::move(wire));
}

std::vector<std::string_view> DomainName::labels() const {
  std::vector<std::string_view> labels;
  for (std::size_t at = 0; wire_[at] != 0;) {
    const auto size = static_cast<std::uint8_t>(wire_[at]);
    labels.emplace_back(wire_.data() + at + 1, size);
    at += size + 1U;
  }
  return labels;
}

bool DomainName::is_below(const DomainName& suffix) const {
  if (suffix.wire_.size() > wire_.size()) return false;
  const std::size_t from = wire_.size() - suffix.wire_.size();
  std::size_t at = 0;
  while (at < from) at += static_cast<std::uint8_t>(wire_[at]) + 1U;
  // Length bytes are never letters, so the wire forms compare as texts do.
  return at == from && base::equal_ignoring_case(std::string_view(wire_).substr(from), suffix.wire_);
}

DomainName DomainName::lower() const { return DomainName(base::to_lower(wire_)); }

std::string DomainName::to_text() const {
  if (is_root()) return ".";
  std::string text;
  for (const std::string_view label : labels()) {
    for (const char c : label) {
      const auto byte = static_cast<std::uint8_t>(c);
      if (c == '.' || c == '\\') {
        text += '\\';
        text += c;
      } else if (byte > ' ' && byte < 0x7F) {
        text += c;
      } else {
        text += '\\';
        text += static_cast<char>('0' + byte / 100);
        text += static_cast<char>('0' + byte / 10 % 10);
        text += static_cast<char>('0' + byte % 10);
      }
    }
    text += '.';
  }
  return text;
}

}  // namespace discovery::dns
