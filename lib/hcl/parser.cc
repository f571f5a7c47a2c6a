#include <charconv>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/strings.h"
#include "lib/hcl/hcl.h"
#include "lib/hcl/lexer.h"
#include "lib/hcl/object_builder.h"

namespace discovery::hcl {
namespace {

using Type = Token::Type;

Status limit_hit(Position position, const std::string& message) {
  return {Code::kResourceExhausted, "At " + to_string(position) + ": " + message};
}

bool is_container(const Value& value) { return value.as_list() != nullptr || value.as_object() != nullptr; }

/// Adds a block, or the elements of a list, to the list that a repeated key has become.
void append_to(Value::List& list, Value value) {
  if (Value::List* more = value.as_list()) {
    list.insert(list.end(), std::make_move_iterator(more->begin()), std::make_move_iterator(more->end()));
  } else {
    list.push_back(std::move(value));
  }
}

/// Recursive descent over the tokens; the depth is bounded by kMaxDepth.
class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) {}

  Result<Value> parse() {
    if (Status status = advance(); !status.ok()) return status;
    return parse_members(0, Type::kEof);
  }

 private:
  using Key = std::pair<std::string, Position>;

  /// Reads the token after the current one.
  Status advance() {
    Result<Token> token = lexer_.next();
    if (!token.ok()) return token.status();
    token_ = std::move(*token);
    return {};
  }

  /// Counts a value that begins at the current token.
  Status count_value() {
    if (++values_ <= kMaxValues) return {};
    return limit_hit(token_.position, "more than " + std::to_string(kMaxValues) + " values");
  }

  Status too_deep() const {
    return limit_hit(token_.position,
                     "lists and objects nest more than " + std::to_string(kMaxDepth) + " levels deep");
  }

  /// The members of an object up to `end`, which stays the current token.
  Result<Value> parse_members(int depth, Type end) {
    const int line = token_.position.line;
    ObjectBuilder members;
    while (token_.type != end) {
      if (token_.type == Type::kEof) return unclosed_object();
      if (Status status = parse_member(depth, members); !status.ok()) return status;
      if (token_.type == Type::kComma) {
        if (Status status = advance(); !status.ok()) return status;
      }
    }
    return Value(std::move(members).finish(), line);
  }

  Status unclosed_object() const {
    // The reference has already met the end once while it looked for a key, and counts that as a column.
    return error_at({token_.position.line, token_.position.column + 1},
                    "object expected closing RBRACE got: EOF");
  }

  /// `key = value`, `key { }` or `key "label" { }`; leaves the token behind it.
  Status parse_member(int depth, ObjectBuilder& members) {
    std::vector<Key> keys;
    if (Status status = parse_keys(keys); !status.ok()) return status;
    if (token_.type == Type::kAssign) {
      if (Status status = advance(); !status.ok()) return status;
    }
    const int labels = static_cast<int>(keys.size()) - 1;
    Result<Value> value = parse_value(depth + 1 + labels);
    if (!value.ok()) return value.status();
    for (; keys.size() > 1; keys.pop_back()) {
      if (Status status = count_value(); !status.ok()) return status;
      Value::Object block;
      block.push_back({std::move(keys.back().first), std::move(*value)});
      value = Value(std::move(block), keys.back().second.line);
    }
    return add(members, std::move(keys.front()), std::move(*value));
  }

  /// The names in front of a value; the current token becomes the '=' or '{' behind them.
  Status parse_keys(std::vector<Key>& keys) {
    for (;;) {
      switch (token_.type) {
        case Type::kIdent:
          keys.emplace_back(token_.source, token_.position);
          break;
        case Type::kString:
          keys.emplace_back(std::move(token_.text), token_.position);
          break;
        case Type::kAssign:
          if (keys.empty()) return error_at(token_.position, "no object keys found!");
          if (keys.size() > 1) return error_at(token_.position, "nested object expected: LBRACE got: ASSIGN");
          return {};
        case Type::kLeftBrace:
          if (keys.empty()) return error_at(token_.position, "expected: IDENT | STRING got: LBRACE");
          return {};
        default:
          return bad_key(keys);
      }
      if (keys.size() > static_cast<std::size_t>(kMaxDepth)) return too_deep();
      if (Status status = advance(); !status.ok()) return status;
    }
  }

  Status bad_key(const std::vector<Key>& keys) const {
    const bool ends_early = token_.type == Type::kEof || token_.type == Type::kRightBrace;
    if (keys.empty() || !ends_early) {
      return error_at(token_.position,
                      "expected: IDENT | STRING | ASSIGN | LBRACE got: " + std::string(name_of(token_.type)));
    }
    std::string names;
    for (const Key& key : keys) names += (names.empty() ? "" : " ") + key.first;
    return error_at(token_.position,
                    "key '" + names + "' expected start of object ('{') or assignment ('=')");
  }

  /// Adds a member, or joins it with the one that has its key.
  Status add(ObjectBuilder& members, Key key, Value value) {
    Value* const old = members.find(key.first);
    if (old == nullptr) {
      members.add(std::move(key.first), std::move(value));
      return {};
    }
    if (is_container(*old) != is_container(value)) {
      return error_at(key.second,
                      "key '" + key.first + "' is a plain value here and a list or block elsewhere");
    }
    if (!is_container(value)) {
      *old = std::move(value);
      return {};
    }
    if (old->as_list() == nullptr) {
      const int line = old->line();
      Value::List list;
      list.push_back(std::move(*old));
      *old = Value(std::move(list), line);
    }
    append_to(*old->as_list(), std::move(value));
    return {};
  }

  /// The value that begins at the current token, `depth` levels below the top; leaves the token behind it.
  Result<Value> parse_value(int depth) {
    if (Status status = count_value(); !status.ok()) return status;
    const Position position = token_.position;
    Result<Value> value = Value();
    switch (token_.type) {
      case Type::kLeftBrace:
        value = parse_object(depth);
        break;
      case Type::kLeftBracket:
        value = parse_list(depth);
        break;
      case Type::kString:
      case Type::kHeredoc:
        value = Value(std::move(token_.text), position.line);
        break;
      case Type::kBool:
        value = Value(token_.source == "true", position.line);
        break;
      case Type::kNumber:
        value = parse_integer();
        break;
      case Type::kFloat:
        value = parse_float();
        break;
      default:
        return error_at(position,
                        "expected a value, a list or an object got: " + std::string(name_of(token_.type)));
    }
    if (!value.ok()) return value;
    if (Status status = advance(); !status.ok()) return status;
    return value;
  }

  Result<Value> parse_object(int depth) {
    if (depth > kMaxDepth) return too_deep();
    const int line = token_.position.line;
    if (Status status = advance(); !status.ok()) return status;
    Result<Value> object = parse_members(depth, Type::kRightBrace);
    if (!object.ok()) return object;
    return Value(std::move(*object->as_object()), line);
  }

  Result<Value> parse_list(int depth) {
    if (depth > kMaxDepth) return too_deep();
    const int line = token_.position.line;
    Value::List list;
    if (Status status = advance(); !status.ok()) return status;
    while (token_.type != Type::kRightBracket) {
      if (token_.type == Type::kComma) {
        if (Status status = advance(); !status.ok()) return status;
        continue;
      }
      if (!begins_value(token_.type)) {
        return error_at(token_.position,
                        "unexpected token while parsing list: " + std::string(name_of(token_.type)));
      }
      Result<Value> element = parse_value(depth + 1);
      if (!element.ok()) return element;
      list.push_back(std::move(*element));
      if (token_.type != Type::kComma && token_.type != Type::kRightBracket) {
        return error_at(token_.position, "error parsing list, expected comma or list end, got: " +
                                             std::string(name_of(token_.type)));
      }
    }
    return Value(std::move(list), line);
  }

  static bool begins_value(Type type) {
    switch (type) {
      case Type::kNumber:
      case Type::kFloat:
      case Type::kBool:
      case Type::kString:
      case Type::kHeredoc:
      case Type::kLeftBracket:
      case Type::kLeftBrace:
        return true;
      default:
        return false;
    }
  }

  Status bad_number() const {
    return error_at(token_.position, "number malformed or out of range: " + std::string(token_.source));
  }

  Result<Value> parse_integer() const {
    std::string_view digits = token_.source;
    const bool negative = digits.starts_with('-');
    if (negative) digits.remove_prefix(1);
    int base = 10;
    if (digits.size() > 1 && digits[0] == '0') {
      base = (digits[1] | 0x20) == 'x' ? 16 : 8;
      digits.remove_prefix(base == 16 ? 2 : 1);
    }
    std::uint64_t magnitude = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, magnitude, base);
    const std::uint64_t limit = (std::uint64_t{1} << 63) - (negative ? 0 : 1);
    if (error != std::errc() || stop != end || magnitude > limit) return bad_number();
    return Value(static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude), token_.position.line);
  }

  Result<Value> parse_float() const {
    double value = 0;
    const char* const end = token_.source.data() + token_.source.size();
    const auto [stop, error] = std::from_chars(token_.source.data(), end, value);
    if (error != std::errc() || stop != end) return bad_number();
    return Value(value, token_.position.line);
  }

  Lexer lexer_;
  Token token_{};
  std::size_t values_ = 0;
};

/// Refuses what no HCL text may hold, so that the lexer need not look for it.
Status check_characters(std::string_view text) {
  Position position;
  for (std::size_t offset = 0; offset < text.size();) {
    if (text[offset] == '\0') {
      return invalid_argument(to_string(position) + ": unexpected null character (0x00)");
    }
    const base::Rune rune = base::decode_rune(text.substr(offset));
    if (!rune.valid) return invalid_argument(to_string(position) + ": illegal UTF-8 encoding");
    if (text[offset] == '\n') {
      position = {position.line + 1, 1};
    } else {
      ++position.column;
    }
    offset += rune.length;
  }
  return {};
}

/// `text` with "\n" for each "\r\n".
std::string with_unix_lines(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!text.substr(i).starts_with("\r\n")) out += text[i];
  }
  return out;
}

}  // namespace

Result<Value> parse_hcl(std::string_view text) {
  if (text.size() > kMaxInput) {
    return Status(Code::kResourceExhausted, "text is longer than " + std::to_string(kMaxInput) + " bytes");
  }
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin != std::string_view::npos && text[begin] == '{') return parse_json(text);
  if (Status status = check_characters(text); !status.ok()) return status;
  if (text.find("\r\n") == std::string_view::npos) return Parser(text).parse();
  const std::string unix_text = with_unix_lines(text);
  return Parser(unix_text).parse();
}

}  // namespace discovery::hcl
