#pragma once

/// \file
/// HTTP/1.1 messages as values (RFC 9110, RFC 9112), laid out so that the common ones need no allocation.
/// All of it is pure: no clock, no socket, no thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace discovery::http1 {

/// One header field as it came: the name in the sender's spelling, the value without the whitespace around
/// it.
struct Header {
  std::string_view name;
  std::string_view value;
};

/// The value of the first field of that name; empty if there is none (or if it is empty).
std::string_view find_header(std::span<const Header> headers, std::string_view name) noexcept;

/// Whether a comma separated list, as in Connection or Accept-Encoding, has this token. Parameters after a
/// ';' are not looked at.
bool list_has_token(std::string_view list, std::string_view token) noexcept;

/// A request as a handler sees it. All views point into the connection's buffer: they hold until handle()
/// returns, whoever needs more copies it. The body is the handler's to take.
struct Request {
  std::string_view method{};          ///< "GET", in the client's spelling
  std::string_view target{};          ///< origin form, still percent-encoded: "/v1/kv/a%20b?raw"; or "*"
  std::string_view host{};            ///< the Host field, or the authority of a target in absolute form
  int version = 11;                   ///< 10 for HTTP/1.0, 11 for HTTP/1.1
  std::span<const Header> headers{};  ///< in the order of their coming
  std::string body{};                 ///< decoded from chunks; empty while the head alone is looked at
  std::optional<std::uint64_t> content_length{};  ///< as declared; none for a chunked body or no body
  bool body_too_large = false;        ///< over Handler::body_limit(); the body was not read and is empty
  bool keep_alive = true;             ///< whether the connection goes on after the answer
  std::string_view remote_address{};  ///< the peer's IP address, empty for a Unix socket
  std::uint16_t remote_port = 0;

  /// The value of the first field of that name; empty if there is none.
  std::string_view header(std::string_view name) const noexcept { return find_header(headers, name); }
};

/// The fields of a response, kept as the lines that go on the wire. Up to kInline bytes of them need no
/// allocation.
class HeaderBlock {
 public:
  HeaderBlock() noexcept = default;
  HeaderBlock(const HeaderBlock& other) : spill_(other.spill_) { copy_inline(other); }
  HeaderBlock(HeaderBlock&& other) noexcept : spill_(std::move(other.spill_)) {
    copy_inline(other);
    other.clear();
  }
  HeaderBlock& operator=(const HeaderBlock& other) {
    if (this != &other) {
      spill_ = other.spill_;
      copy_inline(other);
    }
    return *this;
  }
  HeaderBlock& operator=(HeaderBlock&& other) noexcept {
    if (this != &other) {
      spill_ = std::move(other.spill_);
      copy_inline(other);
      other.clear();
    }
    return *this;
  }

  /// Adds one line. Line breaks and NULs in the value become spaces, so that no value can start another line;
  /// `name` must be a token.
  void add(std::string_view name, std::string_view value);
  /// Adds one line with a number.
  void add(std::string_view name, std::uint64_t value);
  /// Adds the line unless there is one of that name.
  void add_default(std::string_view name, std::string_view value);
  /// The value of the first line of that name.
  std::optional<std::string_view> find(std::string_view name) const noexcept;
  /// All lines, each "Name: value\r\n".
  std::string_view lines() const noexcept {
    return spill_.empty() ? std::string_view(inline_.data(), size_) : std::string_view(spill_);
  }
  bool empty() const noexcept { return lines().empty(); }
  void clear() noexcept {
    size_ = 0;
    spill_.clear();
  }

  static constexpr std::size_t kInline = 400;

 private:
  void copy_inline(const HeaderBlock& other) noexcept {
    size_ = other.size_;
    std::memcpy(inline_.data(), other.inline_.data(), size_);
  }
  /// Room for `count` more bytes at the end.
  char* grow(std::size_t count);

  std::string spill_;  // all lines, once they do not fit in
  std::size_t size_ = 0;
  std::array<char, kInline> inline_;  // the first size_ bytes count
};

/// The bytes of a response, owned or shared by all who get the same answer; shared ones are never copied but
/// when they are short.
class Body {
 public:
  Body() noexcept = default;
  Body(std::string bytes) : bytes_(std::move(bytes)) {}  // NOLINT: implicit by design
  Body(const char* text) : bytes_(std::string(text)) {}  // NOLINT: implicit by design
  Body(std::shared_ptr<const std::string> shared)
      : bytes_(std::move(shared)) {}  // NOLINT: implicit by design

  std::string_view view() const noexcept {
    if (const auto* own = std::get_if<std::string>(&bytes_)) return *own;
    const auto& shared = *std::get_if<std::shared_ptr<const std::string>>(&bytes_);
    return shared ? std::string_view(*shared) : std::string_view();
  }
  std::size_t size() const noexcept { return view().size(); }
  bool empty() const noexcept { return view().empty(); }

 private:
  std::variant<std::string, std::shared_ptr<const std::string>> bytes_;
};

/// An answer. The server adds what belongs to the connection: Date, Content-Length or Transfer-Encoding,
/// Connection; do not add these here.
struct Response {
  int status = 200;
  HeaderBlock headers{};
  Body body{};
};

/// An answer that is a text for people: Content-Type `text/plain; charset=utf-8`, nothing appended.
Response text_response(int status, std::string text);

/// The reason phrase of a status code, e.g. "Not Found"; empty for one that is not registered
/// (https://www.iana.org/assignments/http-status-codes).
std::string_view reason_phrase(int status) noexcept;

}  // namespace discovery::http1
