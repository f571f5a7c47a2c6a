#include "lib/codec/json_reader.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/codec/json_writer.h"

namespace discovery::codec {
namespace {

using namespace std::chrono_literals;

struct Part {
  std::string name;
  std::int64_t port = 8;
  bool operator==(const Part&) const = default;
};

template <class Archive, Described<Part> R>
void describe(Archive& archive, R& part) {
  archive.field("Name", part.name);
  archive.field("Port", part.port, {.alias = "part_port"});
}

struct Sample {
  bool flag = true;
  std::int32_t small = 1;
  std::int64_t number = 2;
  std::uint64_t natural = 3;
  double real = 4;
  std::string text = "default";
  std::vector<std::string> list{"default"};
  base::Labels labels;
  std::map<std::string, Part> map;
  std::optional<Part> maybe;
  std::shared_ptr<const Part> shared;
  Opaque opaque;
  Part part;
  std::vector<Part> parts;
  std::string data;
  Duration wait{5};
};

template <class Archive, Described<Sample> R>
void describe(Archive& archive, R& sample) {
  archive.field("Flag", sample.flag);
  archive.field("Small", sample.small);
  archive.field("Number", sample.number, {.alias = "the_number"});
  archive.field("Natural", sample.natural);
  archive.field("Real", sample.real);
  archive.field("Text", sample.text);
  archive.field("List", sample.list);
  archive.field("Labels", sample.labels);
  archive.field("Map", sample.map);
  archive.field("Maybe", sample.maybe);
  archive.field("Shared", sample.shared, {.default_if_null = true});
  archive.field("Opaque", sample.opaque);
  archive.field("Part", sample.part);
  archive.field("Parts", sample.parts);
  archive.bytes("Data", sample.data);
  archive.duration("Wait", sample.wait);
}

/// Reads what must be right.
Sample read(std::string_view text, const JsonReadOptions& options = {}) {
  Sample sample;
  const Status status = from_json(text, sample, options);
  INFO(text);
  CHECK(status.message() == "");
  return sample;
}

/// The error of what must be wrong.
std::string error(std::string_view text, const JsonReadOptions& options = {}) {
  Sample sample;
  const Status status = from_json(text, sample, options);
  INFO(text);
  CHECK(status.code() == Code::kInvalidArgument);
  return std::string(status.message());
}

TEST_CASE("every kind of field is read") {
  const Sample sample = read(R"({
    "Flag": false, "Small": -2147483648, "Number": -9223372036854775808, "Natural": 18446744073709551615,
    "Real": 1e-7, "Text": "a\u00e9\ud83d\ude00\n\/", "List": ["x", "y"], "Labels": {"b": "2", "a": "1"},
    "Map": {"k": {"Name": "n"}}, "Maybe": {"Port": 9}, "Shared": {"Name": "s"}, "Opaque": [1, {"b": 2.50, "a": null}],
    "Part": {"Name": "p", "Port": 80}, "Parts": [{}, {"Port": 1}], "Data": "Zm9vYg==", "Wait": "1m30s"})");
  CHECK_FALSE(sample.flag);
  CHECK(sample.small == -2147483648);
  CHECK(to_json(sample.number) == "-9223372036854775808");
  CHECK(to_json(sample.natural) == "18446744073709551615");
  CHECK(sample.real == 1e-7);
  CHECK(sample.text == "a\xC3\xA9\xF0\x9F\x98\x80\n/");
  CHECK(sample.list == std::vector<std::string>{"x", "y"});
  CHECK(sample.labels == base::Labels{{"a", "1"}, {"b", "2"}});
  CHECK(sample.map == std::map<std::string, Part>{{"k", Part{"n", 8}}});
  CHECK(sample.maybe == Part{"", 9});
  REQUIRE(sample.shared);
  CHECK(*sample.shared == Part{"s", 8});
  CHECK(sample.opaque.json == R"([1,{"a":null,"b":2.5}])");
  CHECK(sample.part == Part{"p", 80});
  CHECK(sample.parts == std::vector<Part>{{"", 8}, {"", 1}});
  CHECK(sample.data == "foob");
  CHECK(sample.wait == 90s);
}

TEST_CASE("what is missing or null stays as it is") {
  for (const char* text : {"{}", "null",
                           R"({"Flag":null,"Small":null,"Number":null,"Natural":null,"Real":null,"Text":null,
        "List":null,"Labels":null,"Map":null,"Maybe":null,"Shared":null,"Opaque":null,"Part":null,"Parts":null,
        "Data":null,"Wait":null})"}) {
    const Sample sample = read(text);
    CHECK(to_json(sample) == to_json(Sample()));
  }
}

TEST_CASE("a shared record that reads as a default one is null where that is asked for") {
  CHECK(read(R"({"Shared":{}})").shared == nullptr);
  CHECK(read(R"({"Shared":{"Port":8}})").shared == nullptr);
  CHECK(read(R"({"Shared":{"Port":9}})").shared != nullptr);
}

TEST_CASE("names are found without regard to case, and by alias") {
  CHECK(read(R"({"nUMBER":5})").number == 5);
  CHECK(read(R"({"the_number":5})").number == 5);
  CHECK(read(R"({"THE_Number":5})").number == 5);
  CHECK(read(R"({"Part":{"part_port":5}})").part.port == 5);
  CHECK(read(R"({"Map":{"K":{},"k":{}}})").map.size() == 2);
}

TEST_CASE("of members with the same name the last one counts, in any order of the fields") {
  CHECK(read(R"({"Number":1,"Text":"a","number":2,"the_number":3})").number == 3);
  CHECK(read(R"({"the_number":3,"number":2,"Text":"a","Number":1})").number == 1);
  CHECK(read(R"({"Text":"a","Number":1,"Text":"b"})").text == "b");
  CHECK(read(R"({"List":["a"],"List":["b"]})").list == std::vector<std::string>{"b"});
  CHECK(read(R"({"Labels":{"a":"1","a":"2"}})").labels == base::Labels{{"a", "2"}});
  CHECK(read(R"({"Map":{"a":{"Port":1},"b":{},"a":{"Port":2}}})").map.at("a").port == 2);
  CHECK(read(R"({"Part":{"Port":1,"Name":"x","Port":2}})").part.port == 2);
  CHECK(read(R"({"Opaque":{"b":1,"a":2,"b":3}})").opaque.json == R"({"a":2,"b":3})");
}

TEST_CASE("fields are found in any order") {
  const Sample sample = read(R"({"Wait":7,"Data":"","Text":"t","Real":1,"Number":6,"Flag":false})");
  CHECK(sample.wait == 7ns);
  CHECK(sample.text == "t");
  CHECK(sample.real == 1);
  CHECK(sample.number == 6);
  CHECK_FALSE(sample.flag);
}

TEST_CASE("unknown fields are refused, or skipped") {
  CHECK(error(R"({"Bogus":1})") == R"(json: unknown field "Bogus")");
  CHECK(error(R"({"Number":1,"a\"b":{"x":[1]}, "Other":2})") == R"(json: unknown field "a\"b")");
  CHECK(error(R"({"Part":{"Nope":1}})") == R"(json: unknown field "Nope")");
  CHECK(error(R"({"Parts":[{},{"Nope":1}]})") == R"(json: unknown field "Nope")");
  CHECK(error(R"({"Number ":1})") == R"(json: unknown field "Number ")");
  const JsonReadOptions lenient{.ignore_unknown_fields = true};
  const Sample sample = read(R"({"Bogus":{"a":[1]},"Number":9,"Part":{"Nope":1,"Port":7}})", lenient);
  CHECK(sample.number == 9);
  CHECK(sample.part.port == 7);
}

TEST_CASE("values of another type are refused as Go refuses them") {
  struct Case {
    std::string text;
    std::string error;
  };
  const Case cases[] = {
      {R"({"Flag":"x"})", "string into Go struct field Sample.Flag of type bool"},
      {R"({"Flag":1})", "number into Go struct field Sample.Flag of type bool"},
      {R"({"Number":"80"})", "string into Go struct field Sample.Number of type int"},
      {R"({"Number":80.5})", "number 80.5 into Go struct field Sample.Number of type int"},
      {R"({"Number":1e3})", "number 1e3 into Go struct field Sample.Number of type int"},
      {R"({"Number":9223372036854775808})",
       "number 9223372036854775808 into Go struct field Sample.Number of type int"},
      {R"({"Small":2147483648})", "number 2147483648 into Go struct field Sample.Small of type int32"},
      {R"({"Natural":-1})", "number -1 into Go struct field Sample.Natural of type uint64"},
      {R"({"Real":true})", "bool into Go struct field Sample.Real of type float64"},
      {R"({"Text":5})", "number into Go struct field Sample.Text of type string"},
      {R"({"Text":{}})", "object into Go struct field Sample.Text of type string"},
      {R"({"List":"a"})", "string into Go struct field Sample.List of type []string"},
      {R"({"List":["a",5]})", "number into Go struct field Sample.List of type string"},
      {R"({"Labels":[]})", "array into Go struct field Sample.Labels of type map[string]string"},
      {R"({"Labels":{"k":5}})", "number into Go struct field Sample.Labels of type string"},
      {R"({"Map":1})", "number into Go struct field Sample.Map of type map[string]structs.Part"},
      {R"({"Part":"x"})", "string into Go struct field Sample.Part of type structs.Part"},
      {R"({"Part":{"Port":"x"}})", "string into Go struct field Part.Part.Port of type int"},
      {R"({"Maybe":{"Port":"x"}})", "string into Go struct field Part.Maybe.Port of type int"},
      {R"({"Data":5})", "number into Go struct field Sample.Data of type []uint8"},
      {R"({"Wait":[]})", "array into Go struct field Sample.Wait of type time.Duration"},
      {R"({"Wait":1e300})", "number 1e300 into Go struct field Sample.Wait of type time.Duration"},
      {"[]", "array into Go value of type structs.Sample"},
      {"\"x\"", "string into Go value of type structs.Sample"},
  };
  for (const Case& c : cases) CHECK(error(c.text) == "json: cannot unmarshal " + c.error);
}

TEST_CASE("durations are text or nanoseconds") {
  CHECK(read(R"({"Wait":"10s"})").wait == 10s);
  CHECK(read(R"({"Wait":1500})").wait == 1500ns);
  CHECK(read(R"({"Wait":1.5e3})").wait == 1500ns);
  CHECK(read(R"({"Wait":-1})").wait == -1ns);
  CHECK(error(R"({"Wait":"abc"})") == R"(time: invalid duration "abc")");
  CHECK(error(R"({"Wait":"10"})") == R"(time: missing unit in duration "10")");
}

TEST_CASE("bytes are base64") {
  CHECK(read(R"({"Data":"AAEC"})").data == std::string("\0\1\2", 3));
  CHECK(error(R"({"Data":"not base64!"})") == "illegal base64 data at input byte 3");
}

TEST_CASE("wrong syntax is reported as Go reports it") {
  struct Case {
    std::string text;
    std::string error;
  };
  const Case cases[] = {
      {"", "EOF"},
      {" \n\t\r ", "EOF"},
      {"{", "unexpected EOF"},
      {"[", "unexpected EOF"},
      {"{\"a\"", "unexpected EOF"},
      {"{\"a\":", "unexpected EOF"},
      {"{\"Text\":\"x", "unexpected EOF"},
      {"{\"Text\":\"x\\", "unexpected EOF"},
      {"{\"Text\":\"\\u00", "unexpected EOF"},
      {"{\"Flag\":tru", "unexpected EOF"},
      {"{\"Real\":1.", "unexpected EOF"},
      {"{\"Real\":1e", "unexpected EOF"},
      {"{\"Real\":-", "unexpected EOF"},
      {"[1,", "unexpected EOF"},
      {"nope", "invalid character 'o' in literal null (expecting 'u')"},
      {"nul!", "invalid character '!' in literal null (expecting 'l')"},
      {"truE", "invalid character 'E' in literal true (expecting 'e')"},
      {"fals ", "invalid character ' ' in literal false (expecting 'e')"},
      {"xyz", "invalid character 'x' looking for beginning of value"},
      {"}", "invalid character '}' looking for beginning of value"},
      {"[1,]", "invalid character ']' looking for beginning of value"},
      {"{1:2}", "invalid character '1' looking for beginning of object key string"},
      {"{\"a\":1,}", "invalid character '}' looking for beginning of object key string"},
      {"{\"a\" 1}", "invalid character '1' after object key"},
      {"{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"},
      {"[1 2]", "invalid character '2' after array element"},
      {"[1}", "invalid character '}' after array element"},
      {"[01]", "invalid character '1' after array element"},
      {"[-x]", "invalid character 'x' in numeric literal"},
      {"[1.x]", "invalid character 'x' after decimal point in numeric literal"},
      {"[1ex]", "invalid character 'x' in exponent of numeric literal"},
      {"\"\n\"", "invalid character '\\n' in string literal"},
      {"\"\x01\"", "invalid character '\\x01' in string literal"},
      {"\"\\x\"", "invalid character 'x' in string escape code"},
      {"\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape"},
      {"'a'", "invalid character '\\'' looking for beginning of value"},
      {"\xC3\xA9", "invalid character '\xC3\x83' looking for beginning of value"},
      {std::string("\0", 1), "invalid character '\\x00' looking for beginning of value"},
      {std::string("\"a\0b\"", 5), "invalid character '\\x00' in string literal"},
      {"[1e999]", "json: cannot unmarshal number into Go value of type float64"},
  };
  for (const Case& c : cases) CHECK(error(c.text) == c.error);
}

TEST_CASE("what follows the value is ignored, or refused") {
  CHECK(read("{\"Number\":4} trailing").number == 4);
  CHECK(read("{\"Number\":4}{").number == 4);
  const JsonReadOptions strict{.allow_trailing_data = false};
  CHECK(read(" {\"Number\":4} \r\n\t", strict).number == 4);
  CHECK(error("{} x", strict) == "invalid character 'x' after top-level value");
}

TEST_CASE("nesting is bounded") {
  const auto nested = [](std::size_t depth) {
    return R"({"Opaque":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  CHECK(read(nested(127)).opaque.json == std::string(127, '[') + std::string(127, ']'));
  CHECK(error(nested(128)) == "exceeded max depth");
  CHECK(error(std::string(1 << 20, '[')) == "exceeded max depth");
  std::string objects;
  for (int i = 0; i < 1000; ++i) objects += R"({"a":)";
  CHECK(error(objects) == "exceeded max depth");
  CHECK(error("[[1]]", {.max_depth = 1}) == "exceeded max depth");
}

TEST_CASE("text that is not UTF-8 is replaced") {
  CHECK(read("{\"Text\":\"a\xFFz\"}").text == "a\xEF\xBF\xBDz");
  CHECK(read(R"({"Text":"\ud800"})").text == "\xEF\xBF\xBD");
  CHECK(read(R"({"Text":"\udc00x"})").text == "\xEF\xBF\xBDx");
  CHECK(read(R"({"Text":"\ud800\ud800\udc00\\ud800"})").text == "\xEF\xBF\xBD\xF0\x90\x80\x80\\ud800");
  CHECK(read(R"({"Text":"\ud800\u0041"})").text ==
        "\xEF\xBF\xBD"
        "A");
  CHECK(error(R"({"Text":"\ud800", "x": )") == "unexpected EOF");
}

TEST_CASE("opaque values are kept in one form") {
  struct Case {
    std::string text;
    std::string kept;
  };
  const Case cases[] = {
      {"1", "1"},
      {"1.0", "1"},
      {"-5", "-5"},
      {"1e3", "1000"},
      {"12345678901234567890", "12345678901234567890"},
      {"0.10", "0.1"},
      {"true", "true"},
      {R"("<\u00e9>")", "\"\\u003c\xC3\xA9\\u003e\""},
      {R"( { "z" : [ ] , "a" : { } } )", R"({"a":{},"z":[]})"},
  };
  for (const Case& c : cases) CHECK(read(R"({"Opaque":)" + c.text + "}").opaque.json == c.kept);
}

TEST_CASE("large inputs take time in proportion") {
  std::string labels;
  std::string unknown;
  for (int i = 200000; i > 0; --i) {
    labels += "\"" + std::to_string(i) + "\":\"\",";
    unknown += "\"u" + std::to_string(i) + "\":0,";
  }
  labels.pop_back();
  unknown.pop_back();
  CHECK(read(R"({"Labels":{)" + labels + "}}").labels.size() == 200000);
  CHECK(error("{" + unknown + "}") == R"(json: unknown field "u200000")");
}

TEST_CASE("a part of a text can be looked at before it is read") {
  Result<Tree> tree = parse_json(R"([{"Name":"a"},7])");
  REQUIRE(tree.ok());
  const Value root = tree->root();
  REQUIRE(root.kind() == Kind::kArray);
  REQUIRE(root.size() == 2);
  Part part;
  CHECK(read_json(root.first(), part).ok());
  CHECK(part.name == "a");
  CHECK(root.first().next().to_signed() == 7);
  CHECK(to_string(root.first().next().kind()) == "number");
  std::vector<int> numbers;
  CHECK(from_json("[1,2]", numbers).ok());
  CHECK(numbers == std::vector<int>{1, 2});
}

}  // namespace
}  // namespace discovery::codec
