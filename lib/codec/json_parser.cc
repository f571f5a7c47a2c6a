// RapidJSON's assertions guard its own use, not the input; hostile text must never end the process.
#define RAPIDJSON_ASSERT(condition) static_cast<void>(0)

// Others use it with other settings.
#define RAPIDJSON_NAMESPACE codec_rapidjson
#define RAPIDJSON_NAMESPACE_BEGIN namespace codec_rapidjson {
#define RAPIDJSON_NAMESPACE_END }
#if defined(__SSE2__)
#define RAPIDJSON_SSE2  // strings are looked through sixteen bytes at a time; see kPadding
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include <rapidjson/reader.h>
#include <rapidjson/stream.h>

#include "lib/base/strings.h"
#include "lib/codec/json_reader.h"

namespace discovery::codec {

namespace rapidjson = codec_rapidjson;

namespace {

constexpr unsigned kParseFlags =
    rapidjson::kParseInsituFlag | rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseStopWhenDoneFlag;

/// Zeros behind the text, of which one ends it: the parser loads sixteen bytes where one is left.
constexpr std::size_t kPadding = 16;

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// Go's way to show one byte in an error.
std::string quote_byte(char c) {
  if (c == '\'') return R"('\'')";
  if (c == '"') return R"('"')";
  std::string text;
  base::append_utf8(text, static_cast<unsigned char>(c));
  text = base::go_quote(text);
  text.front() = text.back() = '\'';
  return text;
}

/// The error for the byte at `at`, or for the end of the text.
Status invalid_character(std::string_view text, std::size_t at, std::string_view where) {
  if (at >= text.size()) return invalid_argument("unexpected EOF");
  return invalid_argument("invalid character " + quote_byte(text[at]) + " " + std::string(where));
}

/// Where a value was expected: at its start, in the middle of `true`, or behind a minus.
Status invalid_value(std::string_view text, std::size_t at) {
  std::size_t start = at;
  while (start > 0 && text[start - 1] >= 'a' && text[start - 1] <= 'z') --start;
  if (start < at) {
    for (const std::string_view literal : {"null", "true", "false"}) {
      if (literal.front() != text[start]) continue;
      return invalid_character(
          text, at, "in literal " + std::string(literal) + " (expecting '" + literal[at - start] + "')");
    }
  }
  const bool in_number = at > 0 && text[at - 1] == '-';
  return invalid_character(text, at, in_number ? "in numeric literal" : "looking for beginning of value");
}

/// A wrong escape at `at`, or a byte that a string may not hold.
Status invalid_escape(std::string_view text, std::size_t at) {
  if (at >= text.size() || text[at] != '\\') return invalid_character(text, at, "in string literal");
  ++at;
  if (at >= text.size() || text[at] != 'u') return invalid_character(text, at, "in string escape code");
  ++at;
  while (at < text.size() && is_hex(text[at])) ++at;
  return invalid_character(text, at, "in \\u hexadecimal character escape");
}

Status syntax_error(std::string_view text, rapidjson::ParseErrorCode code, std::size_t at) {
  using namespace rapidjson;
  switch (code) {
    case kParseErrorDocumentEmpty:
      return at >= text.size() ? invalid_argument("EOF") : invalid_value(text, at);
    case kParseErrorObjectMissName:
      return invalid_character(text, at, "looking for beginning of object key string");
    case kParseErrorObjectMissColon:
      return invalid_character(text, at, "after object key");
    case kParseErrorObjectMissCommaOrCurlyBracket:
      return invalid_character(text, at, "after object key:value pair");
    case kParseErrorArrayMissCommaOrSquareBracket:
      return invalid_character(text, at, "after array element");
    case kParseErrorStringUnicodeEscapeInvalidHex:
    case kParseErrorStringEscapeInvalid:
    case kParseErrorStringMissQuotationMark:
    case kParseErrorStringInvalidEncoding:
      return invalid_escape(text, at);
    case kParseErrorNumberMissFraction:
      return invalid_character(text, at, "after decimal point in numeric literal");
    case kParseErrorNumberMissExponent:
      return invalid_character(text, at, "in exponent of numeric literal");
    case kParseErrorNumberTooBig:
      return invalid_argument("json: cannot unmarshal number into Go value of type float64");
    case kParseErrorTermination:
      return invalid_argument("exceeded max depth");
    default:
      return invalid_value(text, at);
  }
}

/// `text` with each escape of a lone first half of a surrogate pair replaced by one of U+FFFD, of the same
/// length.
std::string without_lone_surrogates(std::string_view text) {
  constexpr std::size_t kEscape = 6;  // a backslash, a "u" and four digits
  const auto is_half = [text](std::size_t at, std::string_view third) {
    return text.size() - at >= kEscape && text[at] == '\\' && text[at + 1] == 'u' &&
           (text[at + 2] == 'd' || text[at + 2] == 'D') &&
           third.find(text[at + 3]) != std::string_view::npos && is_hex(text[at + 4]) && is_hex(text[at + 5]);
  };
  std::string out(text);
  for (std::size_t at = text.find('\\'); at < text.size(); at = text.find('\\', at)) {
    if (!is_half(at, "89abAB")) {
      at += 2;
    } else if (is_half(at + kEscape, "cdefCDEF")) {
      at += 2 * kEscape;
    } else {
      out.replace(at, kEscape, "\\ufffd");
      at += kEscape;
    }
  }
  return out;
}

bool is_valid_utf8(std::string_view text) {
  constexpr std::uint64_t kTops = 0x8080808080808080U;
  for (std::size_t at = 0; at < text.size();) {
    if (std::uint64_t word = 0; text.size() - at >= sizeof word) {  // mostly ASCII: a word at a time
      std::memcpy(&word, text.data() + at, sizeof word);
      if ((word & kTops) == 0) {
        at += sizeof word;
        continue;
      }
    }
    if (static_cast<signed char>(text[at]) >= 0) {
      ++at;
      continue;
    }
    const base::Rune rune = base::decode_rune(text.substr(at));
    if (!rune.valid) return false;
    at += rune.length;
  }
  return true;
}

/// `text` with U+FFFD for each byte that is not UTF-8.
std::string to_valid_utf8(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const base::Rune rune = base::decode_rune(text.substr(at));
    base::append_utf8(out, rune.value);
    at += rune.length;
  }
  return out;
}

/// Passes RapidJSON's events on. Texts lie in the buffer that is parsed.
class Events : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Events> {
 public:
  using Length = rapidjson::SizeType;

  /// `escapes`: whether there are any in the text.
  Events(TreeBuilder& builder, char* buffer, bool escapes)
      : builder_(builder), buffer_(buffer), escapes_(escapes) {}

  bool Null() { return builder_.null(), true; }
  bool Bool(bool truth) { return builder_.boolean(truth), true; }
  bool RawNumber(const char* digits, Length length, bool) { return builder_.digits({digits, length}), true; }
  bool String(const char* text, Length length, bool) {
    const std::string_view view(text, length);
    if (escapes_) replace_surrogates(view);
    return builder_.string(view), true;
  }
  bool Key(const char* text, Length length, bool copy) { return String(text, length, copy); }
  bool StartObject() { return builder_.open(Kind::kObject); }
  bool EndObject(Length members) { return builder_.close(members), true; }
  bool StartArray() { return builder_.open(Kind::kArray); }
  bool EndArray(Length elements) { return builder_.close(elements), true; }

 private:
  /// RapidJSON encodes lone second halves of surrogate pairs, which have no form in UTF-8. The text was valid
  /// before, so nothing else looks like them.
  void replace_surrogates(std::string_view text) {
    constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
    for (std::size_t at = text.find('\xED'); at != std::string_view::npos; at = text.find('\xED', at + 1)) {
      if (base::decode_rune(text.substr(at)).valid) continue;
      std::copy(kReplacement.begin(), kReplacement.end(), buffer_ + (text.data() - buffer_) + at);
    }
  }

  TreeBuilder& builder_;
  char* const buffer_;
  const bool escapes_;
};

}  // namespace

Result<Tree> parse_json(std::string_view text, const JsonReadOptions& options) {
  if (text.size() > kMaxTreeBytes) {
    return Status(Code::kResourceExhausted, "JSON of more than " + std::to_string(kMaxTreeBytes) + " bytes");
  }
  if (!is_valid_utf8(text)) return parse_json(to_valid_utf8(text), options);
  std::vector<char> buffer;
  buffer.reserve(text.size() + kPadding);
  buffer.assign(text.begin(), text.end());
  buffer.resize(text.size() + kPadding);

  TreeBuilder builder({buffer.data(), text.size()}, options.max_depth);
  Events events(builder, buffer.data(), text.find('\\') != std::string_view::npos);
  rapidjson::Reader reader;
  rapidjson::InsituStringStream stream(buffer.data());
  const rapidjson::ParseResult result = reader.Parse<kParseFlags>(stream, events);
  if (result.Code() == rapidjson::kParseErrorStringUnicodeSurrogateInvalid) {
    return parse_json(without_lone_surrogates(text), options);
  }
  if (result.IsError()) return syntax_error(text, result.Code(), result.Offset());
  if (!options.allow_trailing_data) {
    const std::size_t rest = text.find_first_not_of(" \t\r\n", stream.Tell());
    if (rest != std::string_view::npos) return invalid_character(text, rest, "after top-level value");
  }
  return std::move(builder).finish(std::move(buffer));
}

}  // namespace discovery::codec
