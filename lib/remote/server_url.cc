#include "lib/remote/server_url.h"

#include <utility>

#include "lib/health/url.h"

namespace discovery::remote {

Result<ServerUrl> parse_server_url(std::string_view text) {
  constexpr std::string_view kUnix = "unix://";
  ServerUrl url;
  url.text = text;
  if (text.starts_with(kUnix)) {
    url.socket = text.substr(kUnix.size());
    url.authority = "localhost";
    if (!url.socket.starts_with('/')) {
      return invalid_argument("the path of a socket must be absolute, as in unix:///run/consul.sock: " +
                              url.text);
    }
    return url;
  }
  Result<health::Url> parsed = health::parse_url(text);
  if (!parsed.ok()) return invalid_argument(url.text + ": " + std::string(parsed.status().message()));
  if (!parsed->user_info.empty()) return invalid_argument("a user does not belong into the URL of an agent");
  if (parsed->target.find('?') != std::string::npos) {
    return invalid_argument("a query does not belong into the URL of an agent: " + url.text);
  }
  url.tls = parsed->tls;
  url.host = std::move(parsed->host);
  url.port = parsed->port;
  url.authority = std::move(parsed->authority);
  url.prefix = std::move(parsed->target);
  while (url.prefix.ends_with('/')) url.prefix.pop_back();
  return url;
}

}  // namespace discovery::remote
