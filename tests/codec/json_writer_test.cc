#include "lib/codec/json_writer.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

namespace discovery::codec {
namespace {

using namespace std::chrono_literals;

struct Inner {
  std::string name;
  bool operator==(const Inner&) const = default;
};

template <class Archive, Described<Inner> R>
void describe(Archive& archive, R& inner) {
  archive.field("Name", inner.name, {.omit_empty = true});
}

/// A field of each kind, each once plain and once with the options that make a difference.
struct Sample {
  bool flag = false;
  std::int64_t number = 0;
  std::uint64_t natural = 0;
  double real = 0;
  std::string text;
  std::vector<std::string> list;
  base::Labels labels;
  std::map<std::string, Inner> map;
  std::optional<Inner> maybe;
  std::shared_ptr<const Inner> shared;
  Opaque opaque;
  Inner inner;
  std::string data;
  Duration wait{};
  FieldOptions options;
};

template <class Archive, Described<Sample> R>
void describe(Archive& archive, R& sample) {
  archive.field("Flag", sample.flag, sample.options);
  archive.field("Number", sample.number, sample.options);
  archive.field("Natural", sample.natural, sample.options);
  archive.field("Real", sample.real, sample.options);
  archive.field("Text", sample.text, sample.options);
  archive.field("List", sample.list, sample.options);
  archive.field("Labels", sample.labels, sample.options);
  archive.field("Map", sample.map, sample.options);
  archive.field("Maybe", sample.maybe, sample.options);
  archive.field("Shared", sample.shared, sample.options);
  archive.field("Opaque", sample.opaque, sample.options);
  archive.field("Inner", sample.inner, sample.options);
  archive.bytes("Data", sample.data, sample.options);
  archive.duration("Wait", sample.wait, sample.options);
}

Sample full_sample() {
  Sample sample;
  sample.flag = true;
  sample.number = -7;
  sample.natural = std::numeric_limits<std::uint64_t>::max();
  sample.real = 1.5;
  sample.text = "t";
  sample.list = {"b", "a"};
  sample.labels = {{"z", "1"}, {"a", "2"}};
  sample.map = {{"k", Inner{"x"}}};
  sample.maybe = Inner{"m"};
  sample.shared = std::make_shared<const Inner>(Inner{"s"});
  sample.opaque.json = R"({"a":[1]})";
  sample.inner.name = "i";
  sample.data = "foobar";
  sample.wait = 90s;
  return sample;
}

TEST_CASE("strings are escaped as Go escapes them") {
  struct Case {
    std::string_view text;
    std::string json;
  };
  const Case cases[] = {
      {"", R"("")"},
      {"plain", R"("plain")"},
      {"a\"b\\c/d", R"("a\"b\\c/d")"},
      {"\n\r\t\b\f", R"("\n\r\t\u0008\u000c")"},
      {std::string_view("\0\x1f\x7f", 3), "\"\\u0000\\u001f\x7f\""},
      {"<a>&b", R"("\u003ca\u003e\u0026b")"},
      {"\xC3\xA9\xE6\xB1\x89\xF0\x9F\x98\x80", "\"\xC3\xA9\xE6\xB1\x89\xF0\x9F\x98\x80\""},
      {"a\xE2\x80\xA8z\xE2\x80\xA9", R"("a\u2028z\u2029")"},
      {"\xE2\x80\xA7\xE2\x80\xAA", "\"\xE2\x80\xA7\xE2\x80\xAA\""},
      {"\xFFx\x80", R"("\ufffdx\ufffd")"},
      {"\xED\xA0\x80", R"("\ufffd\ufffd\ufffd")"},
      {"\xC3", R"("\ufffd")"},
      {"\xE6\xB1", R"("\ufffd\ufffd")"},
      {"\xE6\xB1\xE6\xB1\x89", "\"\\ufffd\\ufffd\xE6\xB1\x89\""},
      {"\xF0\x9F\x98", R"("\ufffd\ufffd\ufffd")"},
  };
  for (const Case& c : cases) CHECK(to_json(std::string(c.text)) == c.json);
}

TEST_CASE("an escape is found wherever it stands in a long string") {
  for (const char* special : {"\n", "\"", "<", "\xFF", "\xE2\x80\xA8"}) {
    const std::string lone = to_json(std::string(special));
    const std::string escape = lone.substr(1, lone.size() - 2);
    for (std::size_t at = 0; at < 70; ++at) {
      for (const std::string_view filler : {"x", "\xC3\xA9"}) {
        std::string head;
        std::string tail;
        for (std::size_t i = 0; i < at; ++i) head += filler;
        for (std::size_t i = at; i < 70; ++i) tail += filler;
        CHECK(to_json(head + special + tail) == "\"" + head + escape + tail + "\"");
      }
    }
  }
}

TEST_CASE("numbers are exact") {
  CHECK(to_json(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  CHECK(to_json(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  CHECK(to_json(std::int32_t{-5}) == "-5");
  CHECK(to_json(1e21) == "1e+21");
  CHECK(to_json(0.25) == "0.25");
  CHECK(to_json(std::numeric_limits<double>::quiet_NaN()) == "null");
  CHECK(to_json(std::numeric_limits<double>::infinity()) == "null");
}

TEST_CASE("a record is written field by field") {
  CHECK(to_json(full_sample()) ==
        R"({"Flag":true,"Number":-7,"Natural":18446744073709551615,"Real":1.5,"Text":"t","List":["b","a"],)"
        R"("Labels":{"a":"2","z":"1"},"Map":{"k":{"Name":"x"}},"Maybe":{"Name":"m"},"Shared":{"Name":"s"},)"
        R"("Opaque":{"a":[1]},"Inner":{"Name":"i"},"Data":"Zm9vYmFy","Wait":"1m30s"})");
  CHECK(
      to_json(Sample()) ==
      R"({"Flag":false,"Number":0,"Natural":0,"Real":0,"Text":"","List":[],"Labels":{},"Map":{},"Maybe":null,)"
      R"("Shared":null,"Opaque":null,"Inner":{},"Data":"","Wait":"0s"})");
}

TEST_CASE("empty fields are left out, null, or a default") {
  Sample sample;
  sample.options = {.omit_empty = true};
  CHECK(to_json(sample) == "{}");
  sample.opaque.json = "{}";
  CHECK(to_json(sample) == "{}");
  Sample full = full_sample();
  full.options = {.omit_empty = true};
  CHECK(to_json(full) == to_json(full_sample()));

  Sample nulls;
  nulls.options = {.null_if_empty = true};
  CHECK(to_json(nulls) ==
        R"({"Flag":false,"Number":0,"Natural":0,"Real":0,"Text":"","List":null,"Labels":null,"Map":null,)"
        R"("Maybe":null,"Shared":null,"Opaque":null,"Inner":{},"Data":null,"Wait":"0s"})");

  Sample defaults;
  defaults.options = {.default_if_null = true};
  CHECK(to_json(defaults).find(R"("Shared":{})") != std::string::npos);
}

TEST_CASE("pretty text is laid out like Go's") {
  const std::vector<std::map<std::string, std::vector<int>>> value{{{"a", {1, 2}}, {"b", {}}}, {}};
  CHECK(to_json(value, JsonStyle::kPretty) ==
        "[\n    {\n        \"a\": [\n            1,\n            2\n        ],\n        \"b\": []\n    },\n  "
        "  {}\n]");
  CHECK(to_json(std::vector<int>(), JsonStyle::kPretty) == "[]");
  CHECK(to_json(std::string("x"), JsonStyle::kPretty) == "\"x\"");
}

TEST_CASE("opaque values are laid out with the rest") {
  struct Case {
    std::string json;
    std::string pretty;
  };
  const Case cases[] = {
      {"", "null"},
      {"1.5", "1.5"},
      {R"("a,b:{\"")", R"("a,b:{\"")"},
      {"{}", "{}"},
      {R"({"a":[1,{"b":null}],"c":[]})",
       "{\n    \"a\": [\n        1,\n        {\n            \"b\": null\n        }\n    ],\n    \"c\": "
       "[]\n}"},
      {R"([[],"\\"])", "[\n    [],\n    \"\\\\\"\n]"},
  };
  for (const Case& c : cases) {
    CHECK(to_json(Opaque{c.json}, JsonStyle::kPretty) == c.pretty);
    CHECK(to_json(Opaque{c.json}) == (c.json.empty() ? "null" : c.json));
  }
  const std::map<std::string, Opaque> nested{{"k", Opaque{R"({"a":1})"}}};
  CHECK(to_json(nested, JsonStyle::kPretty) == "{\n    \"k\": {\n        \"a\": 1\n    }\n}");
}

TEST_CASE("the primitives build values by hand") {
  std::string out = "head ";
  JsonWriter writer(out);
  writer.begin_object();
  writer.key("a<");
  writer.begin_array();
  writer.element();
  writer.boolean(true);
  writer.element();
  writer.null();
  writer.element();
  writer.base64("foob");
  writer.end_array();
  writer.key("b");
  writer.value(Inner{"x"});
  writer.end_object();
  CHECK(out == R"(head {"a\u003c":[true,null,"Zm9vYg=="],"b":{"Name":"x"}})");
  out += "\n";
  writer.value(7);
  CHECK(out.substr(out.size() - 3) == "}\n7");
}

TEST_CASE("lists of shared records are written through the pointers") {
  const std::vector<std::shared_ptr<const Inner>> list{std::make_shared<const Inner>(Inner{"a"}), nullptr};
  CHECK(to_json(list) == R"([{"Name":"a"},null])");
}

TEST_CASE("a text longer than any room made ahead is whole") {
  std::vector<std::string> list;
  std::string expected = "[";
  for (int i = 0; i < 3000; ++i) {
    list.push_back(std::string(static_cast<std::size_t>(i % 97), 'x'));
    expected += (i == 0 ? "\"" : ",\"") + list.back() + "\"";
  }
  CHECK(to_json(list) == expected + "]");
}

}  // namespace
}  // namespace discovery::codec
