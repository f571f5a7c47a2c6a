// Both readers of configuration texts on any bytes: no crash, no undefined behaviour, and an error always has
// a reason.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lib/hcl/hcl.h"

namespace {

/// Lines only grow within the text they count.
void check_lines(const discovery::hcl::Value& value, int lines) {
  if (value.line() < 1 || value.line() > lines) std::abort();
  if (const auto* list = value.as_list()) {
    for (const auto& element : *list) check_lines(element, lines);
  }
  if (const auto* object = value.as_object()) {
    for (const auto& member : *object) check_lines(member.value, lines);
  }
}

void check(const discovery::Result<discovery::hcl::Value>& parsed, std::string_view text) {
  if (!parsed.ok()) {
    if (parsed.status().message().empty()) std::abort();
    return;
  }
  int lines = 1;
  for (const char c : text) lines += c == '\n';
  check_lines(*parsed, lines);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(discovery::hcl::parse_hcl(text), text);
  check(discovery::hcl::parse_json(text), text);
  return 0;
}
