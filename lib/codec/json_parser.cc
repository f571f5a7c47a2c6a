// RapidJSON's assertions guard its own use, not the input; hostile text must never end the process.
#define RAPIDJSON_ASSERT(condition) static_cast<void>(0)

#include "lib/codec/json_reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "lib/base/strings.h"

namespace discovery::codec {
namespace {

constexpr unsigned kParseFlags = rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseStopWhenDoneFlag;

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
      return invalid_character(text, at,
                               "in literal " + std::string(literal) + " (expecting '" + literal[at - start] + "')");
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

/// `text` with each escape of a lone first half of a surrogate pair replaced by one of U+FFFD, of the same length.
std::string without_lone_surrogates(std::string_view text) {
  constexpr std::size_t kEscape = 6;  // \uXXXX
  const auto is_half = [text](std::size_t at, std::string_view third) {
    return text.size() - at >= kEscape && text[at] == '\\' && text[at + 1] == 'u' &&
           (text[at + 2] == 'd' || text[at + 2] == 'D') && third.find(text[at + 3]) != std::string_view::npos &&
           is_hex(text[at + 4]) && is_hex(text[at + 5]);
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

/// Whether `text` begins with three bytes that would stand for a surrogate, if surrogates had a form in UTF-8.
bool begins_with_surrogate(std::string_view text) {
  return text.size() >= 3 && text[0] == '\xED' && static_cast<unsigned char>(text[1]) >= 0xA0 &&
         (static_cast<unsigned char>(text[1]) & 0xC0) == 0x80 && (static_cast<unsigned char>(text[2]) & 0xC0) == 0x80;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) >= 0; });
}

/// `text` with U+FFFD for all that is not UTF-8. RapidJSON lets lone second halves of surrogate pairs through; each
/// becomes one of them.
std::string valid_utf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const base::Rune rune = base::decode_rune(text);
    base::append_utf8(out, rune.value);
    text.remove_prefix(begins_with_surrogate(text) ? 3 : rune.length);
  }
  return out;
}

/// Passes RapidJSON's events on.
class Events : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Events> {
 public:
  using Length = rapidjson::SizeType;

  explicit Events(TreeBuilder& builder) : builder_(builder) {}

  bool Null() { return builder_.null(), true; }
  bool Bool(bool truth) { return builder_.boolean(truth), true; }
  bool RawNumber(const char* digits, Length length, bool) { return builder_.digits({digits, length}), true; }
  bool String(const char* text, Length length, bool) {
    const std::string_view raw(text, length);
    return builder_.string(is_ascii(raw) ? raw : valid_utf8(raw)), true;
  }
  bool Key(const char* text, Length length, bool copy) { return String(text, length, copy); }
  bool StartObject() { return builder_.open(Kind::kObject); }
  bool EndObject(Length members) { return builder_.close(members), true; }
  bool StartArray() { return builder_.open(Kind::kArray); }
  bool EndArray(Length elements) { return builder_.close(elements), true; }

 private:
  TreeBuilder& builder_;
};

}  // namespace

Result<Tree> parse_json(std::string_view text, const JsonReadOptions& options) {
  if (text.size() > kMaxTreeBytes) {
    return Status(Code::kResourceExhausted, "JSON of more than " + std::to_string(kMaxTreeBytes) + " bytes");
  }
  TreeBuilder builder(text, TreeBuilder::Texts::kCopied, options.max_depth);
  Events events(builder);
  rapidjson::Reader reader;
  rapidjson::MemoryStream stream(text.data(), text.size());
  const rapidjson::ParseResult result = reader.Parse<kParseFlags>(stream, events);
  if (result.Code() == rapidjson::kParseErrorStringUnicodeSurrogateInvalid) {
    return parse_json(without_lone_surrogates(text), options);
  }
  if (result.IsError()) return syntax_error(text, result.Code(), result.Offset());
  if (!options.allow_trailing_data) {
    const std::size_t rest = text.find_first_not_of(" \t\r\n", stream.Tell());
    if (rest != std::string_view::npos) return invalid_character(text, rest, "after top-level value");
  }
  return std::move(builder).finish();
}

}  // namespace discovery::codec
