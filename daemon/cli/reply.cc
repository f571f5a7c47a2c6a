#include "daemon/cli/reply.h"

#include <cmath>

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace discovery::cli {
namespace {

std::string text(const rapidjson::Value& value) {
  return value.IsString() ? std::string(value.GetString(), value.GetStringLength()) : std::string();
}

/// What came of reading `stream`, which has so many bytes: RapidJSON takes a zero byte for their end.
Status read_whole(const rapidjson::MemoryStream& stream, std::size_t size, rapidjson::ParseResult result) {
  if (!result.IsError() && stream.Tell() != size) {
    result.Set(rapidjson::kParseErrorDocumentRootNotSingular, stream.Tell());
  }
  if (!result.IsError()) return {};
  return {Code::kDataLoss, "invalid JSON at offset " + std::to_string(result.Offset()) + ": " +
                               rapidjson::GetParseError_En(result.Code())};
}

/// Iterative, as below.
constexpr unsigned kLayOutFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;

/// A writer that leaves numbers as they were spelled.
template <class Writer>
class Verbatim : public Writer {
 public:
  using Writer::Writer;
  bool RawNumber(const char* digits, rapidjson::SizeType size, bool /*copy*/) {
    return this->RawValue(digits, size, rapidjson::kNumberType);
  }
};

/// JSON has no word for what lies beyond all doubles, and RapidJSON's writer stops there.
class FiniteWriter : public rapidjson::Writer<rapidjson::StringBuffer> {
 public:
  using Writer::Writer;
  bool Double(double value) { return std::isfinite(value) ? Writer::Double(value) : Null(); }
};

}  // namespace

Result<rapidjson::Document> parse_reply(std::string_view body) {
  rapidjson::Document document;
  // Iterative: the depth of an answer must not be the depth of our stack.
  rapidjson::MemoryStream stream(body.data(), body.size());
  const rapidjson::ParseResult result = document.ParseStream<rapidjson::kParseIterativeFlag>(stream);
  if (Status status = read_whole(stream, body.size(), result); !status.ok()) return status;
  return document;
}

std::string to_text(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  FiniteWriter writer(buffer);
  value.Accept(writer);
  return buffer.GetString();
}

Result<std::string> lay_out(std::string_view json, bool pretty) {
  rapidjson::StringBuffer buffer;
  rapidjson::MemoryStream stream(json.data(), json.size());
  rapidjson::Reader reader;
  rapidjson::ParseResult result;
  if (pretty) {
    Verbatim<rapidjson::PrettyWriter<rapidjson::StringBuffer>> writer(buffer);
    result = reader.Parse<kLayOutFlags>(stream, writer);
  } else {
    Verbatim<rapidjson::Writer<rapidjson::StringBuffer>> writer(buffer);
    result = reader.Parse<kLayOutFlags>(stream, writer);
  }
  if (Status status = read_whole(stream, json.size(), result); !status.ok()) return status;
  return std::string(buffer.GetString(), buffer.GetSize());
}

const rapidjson::Value* find_member(const rapidjson::Value& object, const char* member) {
  if (!object.IsObject()) return nullptr;
  const auto at = object.FindMember(member);
  return at == object.MemberEnd() ? nullptr : &at->value;
}

std::string text_of(const rapidjson::Value& object, const char* member) {
  const rapidjson::Value* const value = find_member(object, member);
  return value != nullptr ? text(*value) : std::string();
}

std::uint64_t number_of(const rapidjson::Value& object, const char* member) {
  const rapidjson::Value* const value = find_member(object, member);
  return value != nullptr && value->IsUint64() ? value->GetUint64() : 0;
}

KeyValues pairs_of(const rapidjson::Value& object, const char* member) {
  KeyValues pairs;
  const rapidjson::Value* const value = find_member(object, member);
  if (value == nullptr || !value->IsObject()) return pairs;
  for (const auto& entry : value->GetObject()) pairs[text(entry.name)] = text(entry.value);
  return pairs;
}

std::vector<std::string> texts_in(const rapidjson::Value& array) {
  std::vector<std::string> texts;
  if (!array.IsArray()) return texts;
  for (const auto& item : array.GetArray()) texts.push_back(text(item));
  return texts;
}

}  // namespace discovery::cli
