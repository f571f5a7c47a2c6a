#include "lib/base/digest.h"

#include <array>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>
#include <openssl/sha.h>

namespace discovery::base {
namespace {

template <std::size_t Size>
std::string hex(const std::array<unsigned char, Size>& bytes) {
  std::string out;
  for (const unsigned char byte : bytes) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 0xF];
  }
  return out;
}

TEST_CASE("SHA-2 of the examples of FIPS 180-4") {
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex(std::string(1'000'000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  CHECK(sha512_hex("abc") ==
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST_CASE("SHA-2 of each length is what OpenSSL makes of it") {
  // All positions of the end within a block of either kind, and the blocks next to it.
  std::string text;
  for (std::size_t size = 0; size <= 3 * 128; ++size) {
    const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
    std::array<unsigned char, SHA256_DIGEST_LENGTH> short_one{};
    std::array<unsigned char, SHA512_DIGEST_LENGTH> long_one{};
    SHA256(bytes, text.size(), short_one.data());
    SHA512(bytes, text.size(), long_one.data());
    INFO(size);
    REQUIRE(sha256_hex(text) == hex(short_one));
    REQUIRE(sha512_hex(text) == hex(long_one));
    text += static_cast<char>(size * 151 + 7);
  }
}

}  // namespace
}  // namespace discovery::base
