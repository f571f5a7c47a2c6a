#include "lib/state/tables.h"

namespace discovery::state {
namespace {

void append_lower(std::string& out, std::string_view text) {
  for (const char c : text) out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
}

}  // namespace

std::string lower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  append_lower(out, text);
  return out;
}

std::string table_key(std::initializer_list<std::string_view> parts) {
  std::string key;
  std::size_t size = parts.size();
  for (const std::string_view part : parts) size += part.size();
  key.reserve(size);
  bool first = true;
  for (const std::string_view part : parts) {
    if (!first) key.push_back('\0');
    first = false;
    append_lower(key, part);
  }
  return key;
}

std::string service_row(std::string_view service) {
  std::string row = "service.";
  append_lower(row, service);
  return row;
}

}  // namespace discovery::state
