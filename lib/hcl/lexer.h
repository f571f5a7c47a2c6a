#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <discovery/status.h>

namespace discovery::hcl {

/// A place in a text; both count from 1, columns in characters.
struct Position {
  int line = 1;
  int column = 1;
};

/// Whether a byte of UTF-8 continues a character, so that it counts for no column.
constexpr bool is_utf8_continuation(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// "2:5".
std::string to_string(Position position);

/// "At 2:5: message": how the reference implementation reports what its grammar does not allow.
Status error_at(Position position, const std::string& message);

/// One token of HCL.
struct Token {
  enum class Type : std::uint8_t {
    kEof,
    kIdent,
    kNumber,
    kFloat,
    kBool,
    kString,
    kHeredoc,
    kLeftBracket,
    kRightBracket,
    kLeftBrace,
    kRightBrace,
    kComma,
    kPeriod,
    kAssign,
    kAdd,
    kSub,
  };

  Type type = Type::kEof;
  Position position{};
  std::string_view source{};  ///< as it stands in the text
  std::string text{};         ///< of strings and heredocs: what they stand for
};

/// The name of a token's type in error messages, e.g. "LBRACE".
std::string_view name_of(Token::Type type) noexcept;

/// Splits HCL into tokens; comments vanish. Every operation takes time linear in what it consumes.
/// Threads: none. The text must outlive it, be valid UTF-8 without NUL, and end its lines with "\n" alone.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  /// The next token; kEof for ever after the last one.
  /// Errors: kInvalidArgument "2:5: literal not terminated", and the like. No further call is allowed then.
  Result<Token> next();

 private:
  bool at_end() const noexcept { return offset_ == text_.size(); }
  char peek(std::size_t ahead = 0) const noexcept {
    return offset_ + ahead < text_.size() ? text_[offset_ + ahead] : '\0';
  }
  void advance() noexcept;
  void advance_ident() noexcept;
  bool at_ident_start() const noexcept;
  Status fail(std::string_view message) const;

  Status skip_space_and_comments();
  Status skip_block_comment();
  Status scan_number(Token& token);
  Status scan_string(Token& token);
  Status scan_escape(std::string& out);
  Status scan_numeric_escape(std::string& out);
  Status scan_interpolation(std::string& out);
  Status scan_heredoc(Token& token);
  Status scan_symbol(Token& token);

  std::string_view text_;
  std::size_t offset_ = 0;
  Position position_{};
};

}  // namespace discovery::hcl
