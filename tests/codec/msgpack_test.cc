#include "lib/codec/msgpack.h"

#include <chrono>
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

#include "lib/codec/json_reader.h"

namespace discovery::codec {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

struct Part {
  std::string name;
  std::int64_t port = 8;
  bool operator==(const Part&) const = default;
};

template <class Archive, Described<Part> R>
void describe(Archive& archive, R& part) {
  archive.field("N", part.name, {.omit_empty = true});
  archive.field("P", part.port);
}

struct Sample {
  std::string data;
  Duration wait{};
  Opaque opaque;
  std::shared_ptr<const Part> shared;
  std::optional<Part> maybe;
};

template <class Archive, Described<Sample> R>
void describe(Archive& archive, R& sample) {
  archive.bytes("Data", sample.data);
  archive.duration("Wait", sample.wait);
  archive.field("Opaque", sample.opaque);
  archive.field("Shared", sample.shared, {.default_if_null = true});
  archive.field("Maybe", sample.maybe);
}

template <class T>
T read(std::string_view message) {
  T out{};
  const Status status = from_msgpack(message, out);
  CHECK(status.message() == "");
  return out;
}

template <class T>
std::string error(std::string_view message) {
  T out{};
  const Status status = from_msgpack(message, out);
  CHECK(status.code() == Code::kInvalidArgument);
  return std::string(status.message());
}

TEST_CASE("values have the old form of MessagePack") {
  CHECK(to_msgpack(true) == "\xC3"s);
  CHECK(to_msgpack(false) == "\xC2"s);
  CHECK(to_msgpack(std::int64_t{7}) == "\x07"s);
  CHECK(to_msgpack(std::int64_t{-1}) == "\xFF"s);
  CHECK(to_msgpack(std::uint64_t{1} << 32) == "\xCF\0\0\0\1\0\0\0\0"s);
  CHECK(to_msgpack(1.0) == "\xCB\x3F\xF0\0\0\0\0\0\0"s);
  CHECK(to_msgpack("abc"s) ==
        "\xA3"
        "abc"s);
  CHECK(to_msgpack(std::vector<std::string>{"a"}) ==
        "\x91\xA1"
        "a"s);
  CHECK(to_msgpack(base::Labels{{"a", "b"}}) ==
        "\x81\xA1"
        "a\xA1"
        "b"s);
  CHECK(to_msgpack(std::optional<int>()) == "\xC0"s);
  // No str8, whose first byte would be 0xD9.
  CHECK(to_msgpack(std::string(31, 'x')) == "\xBF"s + std::string(31, 'x'));
  CHECK(to_msgpack(std::string(32, 'x')) == "\xDA\0\x20"s + std::string(32, 'x'));
  CHECK(to_msgpack(std::string(70000, 'x')) == "\xDB\0\x01\x11\x70"s + std::string(70000, 'x'));
}

TEST_CASE("a record is a map of all its fields") {
  CHECK(to_msgpack(Part{}) == "\x82\xA1N\xA0\xA1P\x08"s);
  Sample sample;
  sample.data = std::string("\0\xFF", 2);
  sample.wait = 5ns;
  CHECK(to_msgpack(sample) ==
        "\x85\xA4"
        "Data\xA2\0\xFF\xA4Wait\5\xA6Opaque\xC0\xA6Shared\x82\xA1N\xA0\xA1P\x08\xA5Maybe\xC0"s);
}

TEST_CASE("records read back") {
  Sample sample;
  sample.data = std::string("\0\xFF\xC3", 3);
  sample.wait = -90s;
  sample.opaque.json = R"({"a":[1,-2,2.5,"x",null,true],"b":{}})";
  sample.shared = std::make_shared<const Part>(Part{"s", 1});
  sample.maybe = Part{"m", std::numeric_limits<std::int64_t>::min()};
  const auto back = read<Sample>(to_msgpack(sample));
  CHECK(back.data == sample.data);
  CHECK(back.wait == sample.wait);
  CHECK(back.opaque == sample.opaque);
  REQUIRE(back.shared);
  CHECK(*back.shared == *sample.shared);
  CHECK(back.maybe == sample.maybe);
}

TEST_CASE("the newer forms are read as well") {
  CHECK(read<std::string>("\xD9\x03"
                          "abc"s) == "abc");  // str8
  CHECK(read<std::string>("\xC4\x03"
                          "abc"s) == "abc");                  // bin8
  CHECK(read<double>("\xCA\x3F\x80\0\0"s) == 1.0);            // float32
  CHECK(read<double>("\x05"s) == 5.0);                        // an integer for a double
  CHECK(read<std::int64_t>("\xCF\0\0\0\0\0\0\0\x05"s) == 5);  // longer than needed
  CHECK(read<std::int32_t>("\xD3\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s) == -1);
}

TEST_CASE("unknown members are skipped, missing and nil ones stay as they are") {
  CHECK(read<Part>("\x83\xA1X\x81\xA1P\x01\xA1P\x09\xA1Y\x92\x01\x02"s) == Part{"", 9});
  CHECK(read<Part>("\x80"s) == Part{});
  CHECK(read<Part>("\xC0"s) == Part{});
  CHECK(read<Part>("\x82\xA1N\xC0\xA1P\xC0"s) == Part{});
}

TEST_CASE("damaged messages are refused") {
  const std::string whole = to_msgpack(Part{"name", 70000});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK(error<Part>(whole.substr(0, size)) == "msgpack: unexpected end");
  }
  CHECK(error<Part>(whole + "\xC0") == "msgpack: bytes behind the value");
  CHECK(error<Part>("\xC1") == "msgpack: not a value");
  CHECK(error<Part>("\x81\x01\x02") == "msgpack: a map key is not a string");
  CHECK(error<Part>("\x81\x90\x02") == "msgpack: a map key is not a string");
  CHECK(error<Part>("\x81\xC0\x02") == "msgpack: a map key is not a string");
  CHECK(error<Part>("\xD4\x01\x02") == "msgpack: extension types are not known");
  CHECK(error<Part>("\xDD\xFF\xFF\xFF\xFF"s) == "msgpack: unexpected end");
  CHECK(error<Part>("\xDF\xFF\xFF\xFF\xFF"s) == "msgpack: unexpected end");
  CHECK(!error<Part>("\xC9\xFF\xFF\xFF\xFF\x01"s).empty());
  CHECK(error<Part>("\x81\xA1P\xA1x"s) ==
        "msgpack: cannot unmarshal string into Go struct field Part.P of type int");
  CHECK(error<std::int8_t>("\xCC\x80"s) == "msgpack: cannot unmarshal number into Go value of type int8");
}

TEST_CASE("messages nest only so deep") {
  std::string deep(kMaxMessageDepth, '\x91');
  CHECK(error<Part>(deep + '\x91' + '\x01') == "msgpack: nested too deep");
  deep.back() = '\x90';
  const auto opaque = read<Opaque>(deep);
  CHECK(opaque.json == std::string(kMaxMessageDepth, '[') + std::string(kMaxMessageDepth, ']'));
  CHECK(to_msgpack(opaque) == deep);
  CHECK(error<Part>(std::string(1 << 20, '\x91')) == "msgpack: nested too deep");
}

TEST_CASE("what JSON may hold, a message may hold with more around it") {
  Sample sample;
  const std::string config = std::string(kMaxTreeDepth - 1, '[') + std::string(kMaxTreeDepth - 1, ']');
  REQUIRE(from_json(R"({"Opaque":)" + config + "}", sample).ok());
  const std::vector<std::vector<Sample>> wrapped{{sample}};
  const auto back = read<std::vector<std::vector<Sample>>>(to_msgpack(wrapped));
  REQUIRE(back.size() == 1);
  CHECK(back[0].at(0).opaque.json == config);
}

TEST_CASE("values are taken from a stream one by one") {
  std::string stream = to_msgpack(Part{"a", 1}) + to_msgpack(Part{"b", 2});
  std::string_view rest = stream;
  Part part;
  REQUIRE(take_msgpack(rest, part).ok());
  CHECK(part == Part{"a", 1});
  REQUIRE(take_msgpack(rest, part).ok());
  CHECK(part == Part{"b", 2});
  CHECK(rest.empty());
  CHECK_FALSE(take_msgpack(rest, part).ok());
}

TEST_CASE("opaque text that is no JSON is nil") {
  CHECK(to_msgpack(Opaque{}) == "\xC0"s);
  CHECK(to_msgpack(Opaque{"{"}) == "\xC0"s);
}

}  // namespace
}  // namespace discovery::codec
