#pragma once

#include <string>
#include <vector>

#include "lib/http1/message.h"

namespace discovery::http {

/// Keeps pages of others, which anybody may have opened in a browser on this machine or in its network, from
/// changing anything by requests that the browser makes for them (Fetch standard,
/// https://fetch.spec.whatwg.org/#origin-header; https://www.w3.org/TR/fetch-metadata/). Pure. Threads: safe.
class BrowserGuard {
 public:
  /// `trusted` are origins such as "https://ui.example.com" whose pages may write all the same.
  explicit BrowserGuard(const std::vector<std::string>& trusted);

  /// Whether a request must not change anything: its origin is another one than this agent at an IP address
  /// or at localhost (a name could be anybody's that leads here, by DNS rebinding); or it says nothing of its
  /// origin, and could have been made by a form. What no browser makes passes: it has no Origin.
  bool refuses(const http1::Request& request) const;

 private:
  std::vector<std::string> trusted_;  // in lower case
};

}  // namespace discovery::http
