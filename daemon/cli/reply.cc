#include "daemon/cli/reply.h"

#include <rapidjson/error/en.h>

namespace discovery::cli {
namespace {

std::string text(const rapidjson::Value& value) {
  return value.IsString() ? std::string(value.GetString(), value.GetStringLength()) : std::string();
}

}  // namespace

Result<rapidjson::Document> parse_reply(std::string_view body) {
  rapidjson::Document document;
  // Iterative: the depth of an answer must not be the depth of our stack.
  document.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
  if (document.HasParseError()) {
    return Status(Code::kDataLoss, "invalid JSON in the answer at offset " +
                                       std::to_string(document.GetErrorOffset()) + ": " +
                                       rapidjson::GetParseError_En(document.GetParseError()));
  }
  return document;
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
