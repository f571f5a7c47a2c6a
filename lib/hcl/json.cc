#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <rapidjson/error/error.h>
#include <rapidjson/reader.h>

#include "lib/base/strings.h"
#include "lib/hcl/hcl.h"
#include "lib/hcl/lexer.h"
#include "lib/hcl/object_builder.h"

namespace discovery::hcl {
namespace {

/// The text as RapidJSON wants to read it. It counts lines on the way, as the reader itself knows only
/// offsets.
class LineStream {
 public:
  using Ch = char;

  explicit LineStream(std::string_view text) : text_(text) {}
  Ch Peek() const { return offset_ < text_.size() ? text_[offset_] : '\0'; }
  Ch Take() {
    if (offset_ == text_.size()) return '\0';
    if (text_[offset_] == '\n') ++line_;
    return text_[offset_++];
  }
  std::size_t Tell() const { return offset_; }
  int line() const { return line_; }

  // The output half of the concept, which the reader names but does not use.
  Ch* PutBegin() { return nullptr; }
  void Put(Ch) {}
  void Flush() {}
  std::size_t PutEnd(Ch*) { return 0; }

 private:
  std::string_view text_;
  std::size_t offset_ = 0;
  int line_ = 1;
};

/// Builds the value from the reader's events; the names of these functions are RapidJSON's. Each returns
/// false, which stops the reader, when a limit is hit.
class Builder {
 public:
  explicit Builder(const LineStream& stream) : stream_(stream) {}

  bool Null() { return add(std::monostate()); }
  bool Bool(bool value) { return add(value); }
  bool Int(int value) { return add(std::int64_t{value}); }
  bool Uint(unsigned value) { return add(std::int64_t{value}); }
  bool Int64(std::int64_t value) { return add(value); }
  bool Uint64(std::uint64_t value) {
    constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (value > kLargest) return add(static_cast<double>(value));
    return add(static_cast<std::int64_t>(value));
  }
  bool Double(double value) { return add(value); }
  /// Numbers come as text: the reader's own conversion of "0e888" has no defined result.
  bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
    const char* const end = text + length;
    std::int64_t whole = 0;
    const auto integer = std::from_chars(text, end, whole);
    if (integer.ec == std::errc() && integer.ptr == end) return add(whole);
    const double real = std::strtod(std::string(text, length).c_str(), nullptr);
    if (!std::isfinite(real)) {
      number_too_big_ = true;
      return false;
    }
    return add(real);
  }
  bool String(const char* text, rapidjson::SizeType length, bool) { return add(std::string(text, length)); }
  bool StartObject() { return open(true); }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    open_.back().key.assign(text, length);
    return true;
  }
  bool EndObject(rapidjson::SizeType) { return close(); }
  bool StartArray() { return open(false); }
  bool EndArray(rapidjson::SizeType) { return close(); }

  Value take() { return std::move(root_); }
  /// Which limit stopped the reader, if one did.
  const std::string& limit() const { return limit_; }
  bool number_too_big() const { return number_too_big_; }

 private:
  /// A list or an object that is not closed yet.
  struct Frame {
    bool is_object = false;
    int line = 0;
    std::string key{};  ///< of the member that comes next
    ObjectBuilder members{};
    Value::List elements{};
  };

  bool open(bool is_object) {
    // The top one is no level: see kMaxDepth.
    if (open_.size() > static_cast<std::size_t>(kMaxDepth)) {
      limit_ = "lists and objects nest more than " + std::to_string(kMaxDepth) + " levels deep";
      return false;
    }
    Frame& frame = open_.emplace_back();
    frame.is_object = is_object;
    frame.line = stream_.line();
    return true;
  }

  bool close() {
    Frame frame = std::move(open_.back());
    open_.pop_back();
    if (frame.is_object) return add(std::move(frame.members).finish(), frame.line);
    return add(std::move(frame.elements), frame.line);
  }

  bool add(Value::Data data) { return add(std::move(data), stream_.line()); }
  bool add(Value::Data data, int line) {
    if (++values_ > kMaxValues) {
      limit_ = "more than " + std::to_string(kMaxValues) + " values";
      return false;
    }
    Value value(std::move(data), line);
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (Frame& frame = open_.back(); !frame.is_object) {
      frame.elements.push_back(std::move(value));
    } else if (Value* old = frame.members.find(frame.key)) {
      *old = std::move(value);
    } else {
      frame.members.add(std::move(frame.key), std::move(value));
    }
    return true;
  }

  const LineStream& stream_;
  std::vector<Frame> open_{};
  Value root_{};
  std::size_t values_ = 0;
  std::string limit_{};
  bool number_too_big_ = false;
};

/// Where `offset` lies; behind the end is the last place.
Position position_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  Position position;
  position.line += static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  const std::string_view line = before.substr(before.rfind('\n') + 1);
  position.column += static_cast<int>(
      std::count_if(line.begin(), line.end(), [](char c) { return !is_utf8_continuation(c); }));
  return position;
}

/// A character in single quotes, as Go's messages show it.
std::string quote(std::string_view at) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(at.front());
  if (byte == '\'') return "'\\''";
  if (byte == '\\') return "'\\\\'";
  if (byte == '\n') return "'\\n'";
  if (byte == '\r') return "'\\r'";
  if (byte == '\t') return "'\\t'";
  const base::Rune rune = base::decode_rune(at);
  if (byte < 0x20 || byte == 0x7F || !rune.valid) {
    return std::string("'\\x") + kHex[byte >> 4] + kHex[byte & 0xF] + "'";
  }
  return "'" + std::string(at.substr(0, rune.length)) + "'";
}

/// Why a value cannot have this character at `offset`: none begins so, or a number or literal goes on
/// otherwise.
std::string value_context(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  if (before.ends_with('-')) return "in numeric literal";
  for (const std::string_view literal : {"true", "false", "null"}) {
    for (std::size_t length = literal.size() - 1; length > 0; --length) {
      if (!before.ends_with(literal.substr(0, length))) continue;
      return "in literal " + std::string(literal) + " (expecting '" + literal[length] + "')";
    }
  }
  return "looking for beginning of value";
}

/// What was expected instead of the character at `offset`, in the words of Go's encoding/json.
std::string context_of(rapidjson::ParseErrorCode code, std::string_view text, std::size_t offset) {
  switch (code) {
    case rapidjson::kParseErrorDocumentRootNotSingular:
      return "after top-level value";
    case rapidjson::kParseErrorObjectMissName:
      return "looking for beginning of object key string";
    case rapidjson::kParseErrorObjectMissColon:
      return "after object key";
    case rapidjson::kParseErrorObjectMissCommaOrCurlyBracket:
      return "after object key:value pair";
    case rapidjson::kParseErrorArrayMissCommaOrSquareBracket:
      return "after array element";
    case rapidjson::kParseErrorStringUnicodeEscapeInvalidHex:
      return "in \\u hexadecimal character escape";
    case rapidjson::kParseErrorStringUnicodeSurrogateInvalid:
      return "in \\u escape without its other half";
    case rapidjson::kParseErrorStringEscapeInvalid:
      return "in string escape code";
    case rapidjson::kParseErrorStringInvalidEncoding:
      return "in string literal";
    case rapidjson::kParseErrorNumberMissFraction:
      return "after decimal point in numeric literal";
    case rapidjson::kParseErrorNumberMissExponent:
      return "in exponent of numeric literal";
    default:
      return value_context(text, offset);
  }
}

Status explain(rapidjson::ParseErrorCode code, std::size_t offset, std::string_view text) {
  // This code stands for a control character as well, and of a bad escape it points at the backslash.
  if (code == rapidjson::kParseErrorStringEscapeInvalid && offset < text.size()) {
    if (text[offset] == '\\') {
      ++offset;
    } else {
      code = rapidjson::kParseErrorStringInvalidEncoding;
    }
  }
  if (offset >= text.size() || code == rapidjson::kParseErrorStringMissQuotationMark) {
    return invalid_argument("unexpected end of JSON input");
  }
  const std::string where = " (at " + to_string(position_of(text, offset)) + ")";
  if (code == rapidjson::kParseErrorNumberTooBig) return invalid_argument("number out of range" + where);
  return invalid_argument("invalid character " + quote(text.substr(offset)) + " " +
                          context_of(code, text, offset) + where);
}

}  // namespace

Result<Value> parse_json(std::string_view text) {
  if (text.size() > kMaxInput) {
    return Status(Code::kResourceExhausted, "text is longer than " + std::to_string(kMaxInput) + " bytes");
  }
  // The reader takes NUL for the end of the text.
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    return invalid_argument("invalid character '\\x00' (at " + to_string(position_of(text, nul)) + ")");
  }
  LineStream stream(text);
  Builder builder(stream);
  rapidjson::Reader reader;
  constexpr unsigned kFlags = rapidjson::kParseValidateEncodingFlag | rapidjson::kParseNumbersAsStringsFlag;
  const rapidjson::ParseResult parsed = reader.Parse<kFlags>(stream, builder);
  if (!parsed.IsError()) return builder.take();
  if (!builder.limit().empty()) {
    return Status(Code::kResourceExhausted,
                  "At " + to_string(position_of(text, parsed.Offset())) + ": " + builder.limit());
  }
  const auto code = builder.number_too_big() ? rapidjson::kParseErrorNumberTooBig : parsed.Code();
  return explain(code, parsed.Offset(), text);
}

}  // namespace discovery::hcl
