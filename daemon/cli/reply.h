#pragma once

/// \file
/// Reading the JSON answers of an agent. A member that is absent, null or of another type reads as empty, so
/// that a command works with any agent that speaks the API. Pure functions, safe from any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <rapidjson/document.h>

#include <discovery/status.h>

#include "daemon/cli/flags.h"

namespace discovery::cli {

/// The document in the body of an answer. Errors: kDataLoss, if it is no JSON.
Result<rapidjson::Document> parse_reply(std::string_view body);

/// A value as JSON text on one line; numbers beyond all doubles are null.
std::string to_text(const rapidjson::Value& value);
/// JSON text in another layout: on one line, or indented by four spaces; numbers stay as they are spelled.
/// Errors: kDataLoss, if it is no JSON.
Result<std::string> lay_out(std::string_view json, bool pretty);

/// A member of an object; null if it is absent or `object` is none.
const rapidjson::Value* find_member(const rapidjson::Value& object, const char* member);
/// A member's text.
std::string text_of(const rapidjson::Value& object, const char* member);
/// A member's number; 0 if it is negative or has a fraction.
std::uint64_t number_of(const rapidjson::Value& object, const char* member);
/// A member's pairs of texts.
KeyValues pairs_of(const rapidjson::Value& object, const char* member);
/// The texts in an array.
std::vector<std::string> texts_in(const rapidjson::Value& array);

}  // namespace discovery::cli
