#include "lib/http1/message.h"

#include <algorithm>
#include <charconv>

#include "lib/base/strings.h"

namespace discovery::http1 {
namespace {

constexpr std::string_view kSeparator = ": ";
constexpr std::string_view kLineEnd = "\r\n";

char* put(char* at, std::string_view text) noexcept { return std::copy(text.begin(), text.end(), at); }

bool breaks_lines(char c) noexcept { return c == '\r' || c == '\n' || c == '\0'; }

}  // namespace

std::string_view find_header(std::span<const Header> headers, std::string_view name) noexcept {
  for (const Header& header : headers) {
    if (base::equal_ignoring_case(header.name, name)) return header.value;
  }
  return {};
}

bool list_has_token(std::string_view list, std::string_view token) noexcept {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view item = list.substr(0, comma);
    if (base::equal_ignoring_case(base::trim(item.substr(0, item.find(';'))), token)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

void HeaderBlock::add(std::string_view name, std::string_view value) {
  char* at = grow(name.size() + kSeparator.size() + value.size() + kLineEnd.size());
  at = put(put(at, name), kSeparator);
  at = std::replace_copy_if(value.begin(), value.end(), at, breaks_lines, ' ');
  put(at, kLineEnd);
}

void HeaderBlock::add(std::string_view name, std::uint64_t value) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), value).ptr;
  add(name, std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
}

void HeaderBlock::add_default(std::string_view name, std::string_view value) {
  if (!find(name)) add(name, value);
}

std::optional<std::string_view> HeaderBlock::find(std::string_view name) const noexcept {
  std::string_view rest = lines();
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\r'));
    if (line.size() > name.size() && line[name.size()] == ':' &&
        base::equal_ignoring_case(line.substr(0, name.size()), name)) {
      return line.substr(name.size() + kSeparator.size());
    }
    rest.remove_prefix(line.size() + kLineEnd.size());
  }
  return std::nullopt;
}

char* HeaderBlock::grow(std::size_t count) {
  if (spill_.empty() && count <= kInline - size_) {
    char* at = inline_.data() + size_;
    size_ += count;
    return at;
  }
  if (spill_.empty()) {
    spill_.reserve(2 * (size_ + count));
    spill_.assign(inline_.data(), size_);
    size_ = 0;
  }
  const std::size_t used = spill_.size();
  spill_.resize(used + count);
  return spill_.data() + used;
}

Response text_response(int status, std::string text) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", "text/plain; charset=utf-8");
  response.body = Body(std::move(text));
  return response;
}

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 203:
      return "Non-Authoritative Information";
    case 204:
      return "No Content";
    case 205:
      return "Reset Content";
    case 206:
      return "Partial Content";
    case 300:
      return "Multiple Choices";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 407:
      return "Proxy Authentication Required";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Request Entity Too Large";  // Go's name; RFC 9110 says "Content Too Large"
    case 414:
      return "Request URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Requested Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Entity";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return {};
  }
}

}  // namespace discovery::http1
