#include "lib/http/browser_guard.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "lib/base/strings.h"
#include "lib/http/network.h"

namespace discovery::http {
namespace {

/// What follows the scheme; empty if it is none of HTTP's. "null" is such an origin.
std::string_view authority_of(std::string_view origin) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (origin.starts_with(scheme)) return origin.substr(scheme.size());
  }
  return {};
}

/// Without port, and without the brackets of IPv6.
std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
  return authority.substr(0, authority.find(':'));
}

bool is_nobody_elses(std::string_view host) {
  return host == "localhost" || host.ends_with(".localhost") || is_ip_address(host);
}

/// What a form of a page can send anywhere without asking before.
bool is_form(std::string_view content_type) {
  constexpr std::array<std::string_view, 3> kForms = {"application/x-www-form-urlencoded",
                                                      "multipart/form-data", "text/plain"};
  const std::string type = base::to_lower(
      base::trim(content_type.substr(0, std::min(content_type.find(';'), content_type.size()))));
  return std::find(kForms.begin(), kForms.end(), type) != kForms.end();
}

}  // namespace

BrowserGuard::BrowserGuard(const std::vector<std::string>& trusted) {
  for (const std::string& origin : trusted) trusted_.push_back(base::to_lower(origin));
}

bool BrowserGuard::refuses(const http1::Request& request) const {
  if (const std::string origin = base::to_lower(request.header("Origin")); !origin.empty()) {
    if (std::find(trusted_.begin(), trusted_.end(), origin) != trusted_.end()) return false;
    const std::string_view authority = authority_of(origin);
    return authority.empty() || authority != base::to_lower(request.host) ||
           !is_nobody_elses(host_of(authority));
  }
  if (const std::string_view site = request.header("Sec-Fetch-Site"); !site.empty())
    return site != "same-origin" && site != "none";
  return request.method == "POST" && is_form(request.header("Content-Type"));
}

}  // namespace discovery::http
