// Arbitrary bytes as a URL and as where a redirection leads: what is accepted fits into a request.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "lib/health/url.h"

namespace {

void check(const discovery::health::Url& url) {
  if (url.host.empty() || url.port == 0 || !url.target.starts_with('/')) std::abort();
  for (const char c : url.target + url.host) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');
  if (const auto url = discovery::health::parse_url(text.substr(0, line)); url.ok()) {
    check(*url);
    if (line != std::string_view::npos) {
      const auto next = discovery::health::resolve_url(*url, text.substr(line + 1));
      if (next.ok()) check(*next);
    }
  }
  (void)discovery::health::split_host_port(text);
  return 0;
}
