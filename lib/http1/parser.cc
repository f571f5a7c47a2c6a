#include "lib/http1/parser.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include "lib/base/strings.h"

namespace discovery::http1 {
namespace {

namespace beast = boost::beast;
namespace bhttp = boost::beast::http;

std::string_view view(beast::string_view text) noexcept { return {text.data(), text.size()}; }

bool is_hex(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// What both roles keep of a head. An error is kept in `error_`; Beast gets any code, as its own do not tell
/// enough.
template <bool kIsRequest>
class HeadParser : public bhttp::basic_parser<kIsRequest> {
 public:
  HeadParser(std::string_view bytes, std::vector<Header>& fields) : bytes_(bytes), fields_(fields) {
    fields_.clear();
    this->header_limit(std::numeric_limits<std::uint32_t>::max());  // the caller has bounded it
    this->body_limit(std::numeric_limits<std::uint64_t>::max());    // in 1.74, none refuses all bodies
  }

  HeadError parse() {
    beast::error_code code;
    const std::size_t used = this->put(boost::asio::const_buffer(bytes_.data(), bytes_.size()), code);
    if (error_ != HeadError::kNone) return error_;
    if (kIsRequest && code == bhttp::error::bad_version && looks_like_other_version())
      return HeadError::kUnknownVersion;
    if (code || !this->is_header_done() || used != bytes_.size()) return HeadError::kMalformed;
    if (several_lengths_ || (transfer_encodings_ > 0 && version_ < 11)) return HeadError::kMalformed;
    if (transfer_encodings_ > 0 && !this->chunked()) return HeadError::kUnknownCoding;
    return HeadError::kNone;
  }

  bool has_length() const noexcept { return lengths_ > 0; }
  std::string_view host() const noexcept { return host_; }
  int hosts() const noexcept { return hosts_; }
  std::string_view expect() const noexcept { return expect_; }
  int version() const noexcept { return version_; }

 protected:
  void set_version(int version) noexcept { version_ = version; }

  void on_field_impl(bhttp::field field, beast::string_view name, beast::string_view value,
                     beast::error_code& code) override {
    const Header header{view(name), view(value)};
    if (is_folded(header)) return fail(HeadError::kMalformed, code);
    if (fields_.size() == kMaxFields) return fail(HeadError::kTooManyFields, code);
    fields_.push_back(header);
    switch (field) {
      case bhttp::field::host:
        ++hosts_;
        host_ = header.value;
        break;
      case bhttp::field::expect:
        expect_ = header.value;
        break;
      case bhttp::field::content_length:
        several_lengths_ = ++lengths_ > 1 || header.value.find(',') != std::string_view::npos;
        break;
      case bhttp::field::transfer_encoding:
        ++transfer_encodings_;
        if (!base::equal_ignoring_case(header.value, "chunked")) return fail(HeadError::kUnknownCoding, code);
        break;
      default:
        break;
    }
  }

  void on_request_impl(bhttp::verb, beast::string_view, beast::string_view, int,
                       beast::error_code&) override {}
  void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}
  void on_header_impl(beast::error_code&) override {}
  void on_body_init_impl(boost::optional<std::uint64_t> const&, beast::error_code&) override {}
  std::size_t on_body_impl(beast::string_view, beast::error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view, beast::error_code&) override { return 0; }
  void on_finish_impl(beast::error_code&) override {}

 private:
  void fail(HeadError error, beast::error_code& code) noexcept {
    error_ = error;
    code = bhttp::error::bad_field;
  }

  /// Beast unfolds a value that goes over several lines into a place of its own, or finds it on a later line.
  bool is_folded(const Header& header) const noexcept {
    const char* name_end = header.name.data() + header.name.size();
    const bool in_place = std::greater_equal<>{}(header.value.data(), name_end) &&
                          std::less_equal<>{}(header.value.data(), bytes_.data() + bytes_.size());
    return !in_place || std::find(name_end, header.value.data(), '\r') != header.value.data();
  }

  /// Whether the first line is well-formed but for its version: "X Y HTTP/2.0".
  bool looks_like_other_version() const noexcept {
    const std::string_view line = bytes_.substr(0, bytes_.find("\r\n"));
    const std::size_t space = line.rfind(' ');
    if (space == std::string_view::npos || std::count(line.begin(), line.end(), ' ') != 2) return false;
    const std::string_view version = line.substr(space + 1);
    const auto digit = [&](std::size_t at) { return version[at] >= '0' && version[at] <= '9'; };
    return version.size() == 8 && version.starts_with("HTTP/") && digit(5) && version[6] == '.' && digit(7);
  }

  const std::string_view bytes_;
  std::vector<Header>& fields_;
  HeadError error_ = HeadError::kNone;
  int version_ = 11;
  int hosts_ = 0;
  int lengths_ = 0;
  int transfer_encodings_ = 0;
  bool several_lengths_ = false;
  std::string_view host_;
  std::string_view expect_;
};

class RequestParser final : public HeadParser<true> {
 public:
  RequestParser(std::string_view bytes, std::vector<Header>& fields, Request& request)
      : HeadParser(bytes, fields), request_(request) {}

 private:
  void on_request_impl(bhttp::verb, beast::string_view method, beast::string_view target, int version,
                       beast::error_code&) override {
    request_.method = view(method);
    request_.target = view(target);
    set_version(version);
  }

  Request& request_;
};

class ResponseParser final : public HeadParser<false> {
 public:
  ResponseParser(std::string_view bytes, ResponseHead& head) : HeadParser(bytes, head.fields), head_(head) {}

 private:
  void on_response_impl(int status, beast::string_view reason, int version, beast::error_code&) override {
    head_.status = status;
    head_.reason = {reason.data(), reason.size()};
    set_version(version);
  }

  ResponseHead& head_;
};

/// Which bytes may stand in a host (RFC 3986, section 3.2.2, and ':' for the port).
constexpr std::array<bool, 256> kHostBytes = [] {
  std::array<bool, 256> table{};
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!$%&'()*+,-.:;=[]_~";
  for (const char c : kAllowed) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool is_host(std::string_view host) noexcept {
  return std::all_of(host.begin(), host.end(),
                     [](char c) { return kHostBytes[static_cast<unsigned char>(c)]; });
}

/// Whether each '%' of the path is followed by two hexadecimal digits.
bool is_well_escaped(std::string_view target) noexcept {
  const std::string_view path = target.substr(0, target.find('?'));
  for (std::size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1)) {
    if (at + 2 >= path.size() || !is_hex(path[at + 1]) || !is_hex(path[at + 2])) return false;
  }
  return true;
}

/// Brings the target into origin form (RFC 9112, section 3.2), or "*".
bool normalise_target(Request& request) noexcept {
  constexpr std::string_view kSchemeEnd = "://";
  if (request.target == "*") return true;
  if (!request.target.starts_with('/')) {
    const std::size_t scheme = request.target.find(kSchemeEnd);
    if (scheme == std::string_view::npos || scheme == 0) return false;
    const std::string_view rest = request.target.substr(scheme + kSchemeEnd.size());
    const std::size_t path = rest.find_first_of("/?#");
    const std::string_view authority = rest.substr(0, path);
    request.host = authority.substr(authority.rfind('@') + 1);  // npos + 1 is 0
    if (request.host.empty()) return false;
    if (path == std::string_view::npos) {
      request.target = "/";
    } else if (rest[path] == '/') {
      request.target = rest.substr(path);
    } else {
      return false;  // a query without a path: no view can give it one
    }
  }
  return is_well_escaped(request.target);
}

}  // namespace

HeadScanner::Result HeadScanner::scan(std::string_view bytes) noexcept {
  while (scanned_ < bytes.size()) {
    const void* found = std::memchr(bytes.data() + scanned_, '\n', bytes.size() - scanned_);
    if (found == nullptr) break;
    const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
    if (at == 0 || bytes[at - 1] != '\r') return Result::kBad;
    const bool empty_line = at == line_ + 1;
    scanned_ = line_ = at + 1;
    if (empty_line) return Result::kFound;
  }
  scanned_ = bytes.size();
  return Result::kNeedMore;
}

HeadError parse_request_head(std::string_view bytes, std::vector<Header>& fields, Request& request,
                             RequestHead& head) {
  RequestParser parser(bytes, fields, request);
  if (const HeadError error = parser.parse(); error != HeadError::kNone) return error;
  if (parser.hosts() > 1) return HeadError::kSeveralHosts;
  if (parser.hosts() == 0 && parser.version() >= 11) return HeadError::kMissingHost;
  if (!is_host(parser.host())) return HeadError::kMalformedHost;
  request.host = parser.host();
  if (!normalise_target(request)) return HeadError::kMalformed;
  request.version = parser.version();
  request.headers = fields;
  request.keep_alive = parser.keep_alive();
  request.content_length.reset();
  head = {};
  if (parser.chunked()) {
    head.framing = Framing::kChunked;
  } else if (parser.has_length()) {
    request.content_length = *parser.content_length();
    if (*request.content_length > 0) head.framing = Framing::kLength;
  }
  if (!parser.expect().empty()) {
    head.expect_continue = base::equal_ignoring_case(parser.expect(), "100-continue");
    head.expect_other = !head.expect_continue;
  }
  return HeadError::kNone;
}

HeadError parse_response_head(std::string_view bytes, bool to_head, ResponseHead& head) {
  ResponseParser parser(bytes, head);
  if (const HeadError error = parser.parse(); error != HeadError::kNone) return error;
  head.version = parser.version();
  head.content_length = 0;
  const bool no_body = to_head || head.status / 100 == 1 || head.status == 204 || head.status == 304;
  if (no_body) {
    head.framing = Framing::kNone;
  } else if (parser.chunked()) {
    head.framing = Framing::kChunked;
  } else if (parser.has_length()) {
    head.content_length = *parser.content_length();
    head.framing = head.content_length > 0 ? Framing::kLength : Framing::kNone;
  } else {
    head.framing = Framing::kUntilClose;
  }
  head.keep_alive = head.framing != Framing::kUntilClose && parser.keep_alive();
  return HeadError::kNone;
}

}  // namespace discovery::http1
