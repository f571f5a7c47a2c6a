#include "lib/hcl/lexer.h"

#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "lib/base/strings.h"

namespace discovery::hcl {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// The value of a digit in any base up to 16; 16 for what is none.
unsigned digit_value(char c) {
  if (is_digit(c)) return static_cast<unsigned>(c - '0');
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? static_cast<unsigned>(lower - 'a' + 10) : 16;
}

/// Whether a character beyond ASCII may stand in a name. An approximation of Unicode's letters, good enough
/// to tell them from the quotation marks, dashes and spaces that come in when a text is pasted from a
/// document.
bool is_letter(std::uint32_t code_point) noexcept {
  // Controls, spaces, punctuation, symbols, private use and non-characters, as ranges with both ends.
  static constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 12> kNoLetters{{{0x80, 0xBF},
                                                                                       {0xD7, 0xD7},
                                                                                       {0xF7, 0xF7},
                                                                                       {0x1680, 0x1680},
                                                                                       {0x2000, 0x20CF},
                                                                                       {0x2190, 0x2BFF},
                                                                                       {0x2E00, 0x2E7F},
                                                                                       {0x3000, 0x3004},
                                                                                       {0x3008, 0x3020},
                                                                                       {0xE000, 0xF8FF},
                                                                                       {0xFE00, 0xFE6F},
                                                                                       {0xFEFF, 0xFF20}}};
  if (code_point < 0x80) return false;
  for (const auto& [first, last] : kNoLetters) {
    if (code_point >= first && code_point <= last) return false;
  }
  return code_point < 0xFFE0 || (code_point >= 0x10000 && code_point < 0x1F000) ||
         (code_point >= 0x20000 && code_point < 0xE0000);
}

/// `body` without the indentation of the terminating line, if every line has it (an empty one has not); else
/// as it is.
std::string unindent(std::string_view body, std::string_view indent) {
  std::string out;
  for (std::string_view rest = body; !rest.empty();) {
    if (!rest.starts_with(indent)) return std::string(body);
    const std::size_t end = rest.find('\n') + 1;
    out += rest.substr(indent.size(), end - indent.size());
    rest.remove_prefix(end);
  }
  return out;
}

}  // namespace

std::string to_string(Position position) {
  return std::to_string(position.line) + ":" + std::to_string(position.column);
}

Status error_at(Position position, const std::string& message) {
  return invalid_argument("At " + to_string(position) + ": " + message);
}

std::string_view name_of(Token::Type type) noexcept {
  static constexpr std::array<std::string_view, 16> kNames = {
      "EOF",    "IDENT",  "NUMBER", "FLOAT", "BOOL",   "STRING", "HEREDOC", "LBRACK",
      "RBRACK", "LBRACE", "RBRACE", "COMMA", "PERIOD", "ASSIGN", "ADD",     "SUB"};
  return kNames[static_cast<std::size_t>(type)];
}

void Lexer::advance() noexcept {
  const char c = text_[offset_++];
  if (c == '\n') {
    ++position_.line;
    position_.column = 1;
  } else if (!is_utf8_continuation(c)) {
    ++position_.column;
  }
}

bool Lexer::at_ident_start() const noexcept {
  const char c = peek();
  if (static_cast<unsigned char>(c) < 0x80) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }
  return is_letter(base::decode_rune(text_.substr(offset_)).value);
}

void Lexer::advance_ident() noexcept {
  while (at_ident_start() || is_digit(peek()) || peek() == '-' || peek() == '.') {
    do {
      advance();
    } while (!at_end() && is_utf8_continuation(peek()));
  }
}

Status Lexer::fail(std::string_view message) const {
  return invalid_argument(to_string(position_) + ": " + std::string(message));
}

Result<Token> Lexer::next() {
  if (Status status = skip_space_and_comments(); !status.ok()) return status;
  Token token;
  token.position = position_;
  const std::size_t begin = offset_;
  Status status;
  if (at_end()) {
    // The reference counts each attempt to read past the end as a column.
    ++position_.column;
    return token;
  }
  if (at_ident_start()) {
    token.type = Token::Type::kIdent;
    advance_ident();
    if (at_end()) ++position_.column;  // as above: it looked for one more letter
  } else if (is_digit(peek()) || ((peek() == '-' || peek() == '.') && is_digit(peek(1)))) {
    status = scan_number(token);
  } else if (peek() == '"') {
    status = scan_string(token);
  } else if (peek() == '<') {
    status = scan_heredoc(token);
  } else {
    status = scan_symbol(token);
  }
  if (!status.ok()) return status;
  token.source = text_.substr(begin, offset_ - begin);
  if (token.source == "true" || token.source == "false") token.type = Token::Type::kBool;
  return token;
}

Status Lexer::skip_space_and_comments() {
  while (!at_end()) {
    if (is_space(peek())) {
      advance();
    } else if (peek() == '#' || (peek() == '/' && peek(1) == '/')) {
      while (!at_end() && peek() != '\n') advance();
    } else if (peek() == '/' && peek(1) == '*') {
      if (Status status = skip_block_comment(); !status.ok()) return status;
    } else {
      break;
    }
  }
  return {};
}

Status Lexer::skip_block_comment() {
  advance();
  advance();
  while (!(peek() == '*' && peek(1) == '/')) {
    if (at_end()) return fail("comment not terminated");
    advance();
  }
  advance();
  advance();
  return {};
}

Status Lexer::scan_symbol(Token& token) {
  static constexpr std::array<std::pair<char, Token::Type>, 9> kSymbols{{{'[', Token::Type::kLeftBracket},
                                                                         {']', Token::Type::kRightBracket},
                                                                         {'{', Token::Type::kLeftBrace},
                                                                         {'}', Token::Type::kRightBrace},
                                                                         {',', Token::Type::kComma},
                                                                         {'.', Token::Type::kPeriod},
                                                                         {'=', Token::Type::kAssign},
                                                                         {'+', Token::Type::kAdd},
                                                                         {'-', Token::Type::kSub}}};
  for (const auto& [symbol, type] : kSymbols) {
    if (peek() != symbol) continue;
    token.type = type;
    advance();
    return {};
  }
  return fail(peek() == '/' ? "expected '/' for comment" : "illegal char");
}

Status Lexer::scan_number(Token& token) {
  token.type = Token::Type::kNumber;
  if (peek() == '-') advance();
  if (peek() == '0' && (peek(1) | 0x20) == 'x') {
    advance();
    advance();
    if (digit_value(peek()) >= 16) return fail("illegal hexadecimal number");
    while (digit_value(peek()) < 16) advance();
    return {};
  }
  const bool octal = peek() == '0';
  bool illegal_octal = false;
  while (is_digit(peek())) {
    illegal_octal = illegal_octal || (octal && peek() >= '8');
    advance();
  }
  if (peek() == '.') {
    token.type = Token::Type::kFloat;
    advance();
    while (is_digit(peek())) advance();
  }
  if ((peek() | 0x20) == 'e') {
    token.type = Token::Type::kFloat;
    advance();
    if (peek() == '-' || peek() == '+') advance();
    while (is_digit(peek())) advance();
  }
  if (illegal_octal && token.type == Token::Type::kNumber) return fail("illegal octal number");
  return {};
}

Status Lexer::scan_string(Token& token) {
  token.type = Token::Type::kString;
  advance();
  while (peek() != '"') {
    if (at_end() || peek() == '\n') return fail("literal not terminated");
    if (peek() == '$' && peek(1) == '{') {
      if (Status status = scan_interpolation(token.text); !status.ok()) return status;
    } else if (peek() == '\\') {
      if (Status status = scan_escape(token.text); !status.ok()) return status;
    } else {
      token.text += peek();
      advance();
    }
  }
  advance();
  return {};
}

/// Copies "${...}" up to the brace that closes it; quotes and newlines inside belong to it.
Status Lexer::scan_interpolation(std::string& out) {
  int open = 0;
  do {
    if (at_end()) return fail("literal not terminated");
    if (peek() == '{') ++open;
    if (peek() == '}') --open;
    out += peek();
    advance();
  } while (open > 0 || out.back() == '$');
  return {};
}

Status Lexer::scan_escape(std::string& out) {
  static constexpr std::string_view kLetters = "abfnrtv\\\"";
  static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\\"";
  advance();
  const std::size_t letter = at_end() ? std::string_view::npos : kLetters.find(peek());
  if (letter == std::string_view::npos) return scan_numeric_escape(out);
  out += kMeanings[letter];
  advance();
  return {};
}

/// \123 and \xff stand for a byte, \uffff and \U0010ffff for a code point.
Status Lexer::scan_numeric_escape(std::string& out) {
  unsigned base = 16;
  int digits = 0;
  const char kind = peek();
  if (kind >= '0' && kind <= '7') {
    base = 8;
    digits = 3;
  } else if (kind == 'x' || kind == 'u' || kind == 'U') {
    digits = kind == 'x' ? 2 : kind == 'u' ? 4 : 8;
    advance();
  } else {
    return fail("illegal char escape");
  }
  std::uint32_t value = 0;
  for (; digits > 0; --digits) {
    const unsigned digit = digit_value(peek());
    if (digit >= base) return fail("illegal char escape");
    value = value * base + digit;
    advance();
  }
  if (value > (base == 8 ? 0xFFU : 0x10FFFFU)) return fail("illegal char escape");
  if (kind == 'u' || kind == 'U') {
    base::append_utf8(out, value);
  } else {
    out += static_cast<char>(static_cast<unsigned char>(value));
  }
  return {};
}

Status Lexer::scan_heredoc(Token& token) {
  token.type = Token::Type::kHeredoc;
  advance();
  if (peek() != '<') return fail("heredoc expected second '<', didn't see it");
  advance();
  const bool indented = peek() == '-';
  if (indented) advance();
  const std::size_t anchor_begin = offset_;
  while (at_ident_start() || is_digit(peek()) || (!at_end() && is_utf8_continuation(peek()))) advance();
  const std::string_view anchor = text_.substr(anchor_begin, offset_ - anchor_begin);
  if (at_end()) return fail("heredoc not terminated");
  if (peek() != '\n') return fail("invalid characters in heredoc anchor");
  if (anchor.empty()) return fail("zero-length heredoc anchor");
  advance();

  const std::size_t body_begin = offset_;
  while (!at_end()) {
    const std::size_t line_begin = offset_;
    while (!at_end() && peek() != '\n') advance();
    const std::string_view line = text_.substr(line_begin, offset_ - line_begin);
    const std::size_t indent = line.find_first_not_of(" \t\r\v\f");
    if (indent != std::string_view::npos && line.substr(indent) == anchor) {
      const std::string_view body = text_.substr(body_begin, line_begin - body_begin);
      token.text = indented ? unindent(body, line.substr(0, indent)) : std::string(body);
      return {};
    }
    if (!at_end()) advance();
  }
  return fail("heredoc not terminated");
}

}  // namespace discovery::hcl
