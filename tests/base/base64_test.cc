#include "lib/base/base64.h"

#include <cstddef>
#include <random>
#include <string>

#include <catch2/catch.hpp>

namespace discovery::base {
namespace {

TEST_CASE("base64 encodes the vectors of RFC 4648") {
  CHECK(encode_base64("") == "");
  CHECK(encode_base64("f") == "Zg==");
  CHECK(encode_base64("fo") == "Zm8=");
  CHECK(encode_base64("foo") == "Zm9v");
  CHECK(encode_base64("foob") == "Zm9vYg==");
  CHECK(encode_base64("fooba") == "Zm9vYmE=");
  CHECK(encode_base64("foobar") == "Zm9vYmFy");
  CHECK(encode_base64("\xFB\xFF\xBF") == "+/+/");
}

TEST_CASE("base64 appends to what is there") {
  std::string out = "a:";
  append_base64(out, "foobar");
  CHECK(out == "a:Zm9vYmFy");
}

TEST_CASE("base64 round trips bytes of every length and value") {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 200; ++size) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(random());
    const std::string text = encode_base64(bytes);
    CHECK(text.size() == encoded_base64_size(size));
    const auto decoded = decode_base64(text);
    REQUIRE(decoded.ok());
    CHECK(*decoded == bytes);
  }
}

TEST_CASE("base64 decodes past line ends") {
  for (const char* text : {"Zm9v\nYmFy", "Z\r\nm9vYmFy", "\nZm9vYmFy\n", "Zm9vYmF\ny"}) {
    INFO(text);
    const auto decoded = decode_base64(text);
    REQUIRE(decoded.ok());
    CHECK(*decoded == "foobar");
  }
  CHECK(*decode_base64("Zm8\n=\n") == "fo");
  CHECK(*decode_base64("Zg=\n=") == "f");
}

TEST_CASE("base64 says where the text is wrong, as Go does") {
  struct Case {
    std::string text;
    int at;
  };
  const Case cases[] = {
      {"not base64!", 3}, {"!", 0},    {"Zm9vY", 4},  {"Zm9vYg", 4},  {"Zm9vYg=", 7},  {"Zm9vYg=x", 7 - 1},
      {"=", 0},           {"Z===", 1}, {"Zg==Zg", 4}, {"Zm8=x", 4},   {"Zm9v====", 4}, {"Zm9v\x80", 4},
      {"Zm9-", 3},        {"Zm9_", 3}, {"Zm 9v", 2},  {"Zm8=\nx", 5},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const auto decoded = decode_base64(c.text);
    REQUIRE(!decoded.ok());
    CHECK(decoded.status().message() == "illegal base64 data at input byte " + std::to_string(c.at));
  }
}

}  // namespace
}  // namespace discovery::base
