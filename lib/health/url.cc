#include "lib/health/url.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "lib/base/strings.h"

namespace discovery::health {
namespace {

constexpr std::string_view kSchemeEnd = "://";
constexpr std::size_t kMaxUrl = 8192;

/// A port number, 1 to 65535; 0 for anything else.
std::uint16_t parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() ? port : std::uint16_t{0};
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0;
    if (escape) {
      decoded += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

/// As a request line takes it: what may not stand there is percent-encoded.
std::string encoded_target(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string target;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte < 0x7f && c != '"' && c != '<' && c != '>') {
      target += c;
    } else {
      target += '%';
      target += kHex[byte >> 4];
      target += kHex[byte & 0xF];
    }
  }
  return target;
}

/// Removes "." and ".." from an absolute path.
std::string without_dots(std::string_view path) {
  std::vector<std::string_view> kept;
  const auto parts = base::split(path.substr(1), '/');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size();
    if (parts[i] == "..") {
      if (!kept.empty()) kept.pop_back();
      if (last) kept.emplace_back();
    } else if (parts[i] == ".") {
      if (last) kept.emplace_back();
    } else {
      kept.push_back(parts[i]);
    }
  }
  std::string joined;
  for (const std::string_view part : kept) {
    joined += '/';
    joined += part;
  }
  return joined.empty() ? "/" : joined;
}

Status parse_authority(std::string_view text, Url& url) {
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    url.user_info = percent_decoded(text.substr(0, at));
    text.remove_prefix(at + 1);
  }
  url.authority = text;
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return invalid_argument("missing ']' in host");
    host = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    has_port = rest.starts_with(':');
    if (!rest.empty() && !has_port)
      return invalid_argument("invalid port " + base::go_quote(rest) + " after host");
    port = has_port ? rest.substr(1) : rest;
  } else if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  }
  const bool bad_byte = std::any_of(host.begin(), host.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == '/' || c == '\\' || c == '"';
  });
  if (bad_byte) return invalid_argument("invalid character in host name");
  if (host.empty()) return invalid_argument("no Host in request URL");
  url.host = host;
  url.port = url.tls ? 443 : 80;
  if (port.empty()) return {};
  url.port = parse_port(port);
  if (url.port == 0)
    return invalid_argument("invalid port " + base::go_quote(":" + std::string(port)) + " after host");
  return {};
}

}  // namespace

std::string Url::to_string() const { return (tls ? "https://" : "http://") + authority + target; }

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kMaxUrl) return invalid_argument("the URL is longer than 8192 bytes");
  const std::size_t scheme_end = text.find(kSchemeEnd);
  if (scheme_end == std::string_view::npos) {
    return invalid_argument("unsupported protocol scheme " +
                            base::go_quote(text.substr(0, std::min(text.find(':'), text.size()))));
  }
  const std::string scheme = base::to_lower(text.substr(0, scheme_end));
  if (scheme != "http" && scheme != "https") {
    return invalid_argument("unsupported protocol scheme " + base::go_quote(scheme));
  }
  Url url;
  url.tls = scheme == "https";
  std::string_view rest = text.substr(scheme_end + kSchemeEnd.size());
  rest = rest.substr(0, rest.find('#'));
  const std::size_t path = std::min(rest.find_first_of("/?"), rest.size());
  if (Status status = parse_authority(rest.substr(0, path), url); !status.ok()) return status;
  rest.remove_prefix(path);
  url.target = encoded_target(rest);
  if (!url.target.starts_with('/')) url.target.insert(0, 1, '/');
  return url;
}

Result<Url> resolve_url(const Url& base, std::string_view location) {
  location = base::trim(location);
  if (location.size() > kMaxUrl) return invalid_argument("the URL is longer than 8192 bytes");
  location = location.substr(0, location.find('#'));
  const std::size_t scheme_end = location.find(kSchemeEnd);
  if (scheme_end != std::string_view::npos && scheme_end < location.find_first_of("/?"))
    return parse_url(location);
  if (location.starts_with("//")) return parse_url((base.tls ? "https:" : "http:") + std::string(location));
  Url url = base;
  const std::string_view base_path = std::string_view(base.target).substr(0, base.target.find('?'));
  if (location.empty()) return url;
  if (location.starts_with('?')) {
    url.target = std::string(base_path) + encoded_target(location);
    return url;
  }
  const std::string_view path = location.substr(0, location.find('?'));
  const std::string_view query = location.substr(path.size());
  std::string joined(path);
  if (!path.starts_with('/')) joined = std::string(base_path.substr(0, base_path.rfind('/') + 1)) + joined;
  url.target = encoded_target(without_dots(joined) + std::string(query));
  return url;
}

Result<std::pair<std::string, std::uint16_t>> split_host_port(std::string_view text) {
  const auto failure = [&](std::string_view what) {
    return invalid_argument("address " + std::string(text) + ": " + std::string(what));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return failure("missing port in address");
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return failure("missing ']' in address");
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return failure("too many colons in address");
  }
  const std::uint16_t port = parse_port(text.substr(colon + 1));
  if (port == 0) return failure("invalid port");
  return std::pair(std::string(host.empty() ? "127.0.0.1" : host), port);
}

}  // namespace discovery::health
