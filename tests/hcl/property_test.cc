#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch.hpp>

#include "tests/hcl/values.h"

namespace discovery::hcl {
namespace {

using Random = std::mt19937;

std::uint32_t below(Random& random, std::uint32_t limit) {
  return static_cast<std::uint32_t>(random() % limit);
}

std::string random_text(Random& random) {
  static constexpr std::string_view kPieces[] = {"a", "Z", "0", " ",  "\"", "\\", "\n",         "\t",
                                                 "{", "}", "$", "${", "é",  "€",  "\U0001F600", "#"};
  std::string out;
  for (std::uint32_t i = below(random, 6); i > 0; --i) out += kPieces[below(random, std::size(kPieces))];
  return out;
}

Value random_value(Random& random, int depth) {
  switch (below(random, depth > 0 ? 6 : 4)) {
    case 0:
      return Value(below(random, 2) == 1);
    case 1:
      return Value(static_cast<std::int64_t>(random()) - (std::int64_t{1} << 31));
    case 2:
      return Value(static_cast<double>(below(random, 1000)) + 0.5);
    case 3:
      return Value(random_text(random));
    case 4: {
      Value::List list;
      for (std::uint32_t i = below(random, 4); i > 0; --i) list.push_back(random_value(random, depth - 1));
      return Value(std::move(list));
    }
    default: {
      Value::Object object;
      for (std::uint32_t i = below(random, 4); i > 0; --i) {
        object.push_back({random_text(random) + std::to_string(i), random_value(random, depth - 1)});
      }
      return Value(std::move(object));
    }
  }
}

Value random_object(Random& random) {
  Value::Object object;
  for (std::uint32_t i = below(random, 5); i > 0; --i) {
    object.push_back({"k" + std::to_string(i), random_value(random, 4)});
  }
  return Value(std::move(object));
}

enum class Language { kHcl, kJson };

std::string quoted(const std::string& text, Language language) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"' || text[i] == '\\') {
      out += std::string("\\") + text[i];
    } else if (text[i] == '\n' || text[i] == '\t') {
      out += text[i] == '\n' ? "\\n" : "\\t";
    } else if (language == Language::kHcl && text[i] == '$') {
      out += "\\u0024";  // so that nothing reads as an interpolation
    } else {
      out += text[i];
    }
  }
  return out + "\"";
}

void print(const Value& value, Language language, std::string& out) {
  if (const auto* data = value.as_bool()) out += *data ? "true" : "false";
  if (const auto* data = value.as_int()) out += std::to_string(*data);
  if (const auto* data = value.as_double()) out += std::to_string(*data);
  if (const auto* data = value.as_string()) out += quoted(*data, language);
  if (const auto* data = value.as_list()) {
    const char* separator = "[";
    for (const Value& element : *data) {
      out += std::exchange(separator, ", ");
      print(element, language, out);
    }
    out += data->empty() ? "[]" : "]";
  }
  if (const auto* data = value.as_object()) {
    const char* separator = "{";
    for (const Member& member : *data) {
      out += std::exchange(separator, language == Language::kHcl ? "\n" : ",") +
             quoted(member.key, language) + (language == Language::kHcl ? " = " : ": ");
      print(member.value, language, out);
    }
    out += data->empty() ? "{}" : "}";
  }
}

TEST_CASE("what is printed as JSON reads back the same") {
  Random random(1);
  for (int i = 0; i < 3000; ++i) {
    const Value value = random_object(random);
    std::string text;
    print(value, Language::kJson, text);
    INFO(text);
    const auto parsed = parse_json(text);
    REQUIRE(parsed.ok());
    REQUIRE(*parsed == value);
  }
}

TEST_CASE("what is printed as HCL reads back the same") {
  Random random(2);
  for (int i = 0; i < 3000; ++i) {
    const Value value = random_object(random);
    std::string text;
    for (const Member& member : *value.as_object()) {
      text += member.key + " = ";
      print(member.value, Language::kHcl, text);
      text += "\n";
    }
    INFO(text);
    const auto parsed = parse_hcl(text);
    REQUIRE(parsed.ok());
    REQUIRE(*parsed == value);
  }
}

TEST_CASE("a text cut or changed anywhere is read or refused with a reason") {
  Random random(3);
  const std::string text =
      "service \"web\" {\n  port = 0x50 # port\n  tags = [\"a\", 1.5e3, true]\n  note = <<-E\n    x\n    E\n "
      " v = "
      "\"${a}\\u00e9\"\n}\nservice \"db\" { }\n{\"json\": [null, {\"a\": \"\\ud83d\\ude00\"}]}";
  for (int i = 0; i < 20000; ++i) {
    std::string changed = text.substr(0, below(random, static_cast<std::uint32_t>(text.size()) + 1));
    for (std::uint32_t edits = below(random, 4); edits > 0 && !changed.empty(); --edits) {
      changed[below(random, static_cast<std::uint32_t>(changed.size()))] =
          static_cast<char>(below(random, 256));
    }
    for (const auto& parsed : {parse_hcl(changed), parse_json(changed)}) {
      if (!parsed.ok()) REQUIRE_FALSE(testing::error_of(parsed).empty());
    }
  }
}

}  // namespace
}  // namespace discovery::hcl
