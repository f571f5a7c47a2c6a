#include "lib/base/digest.h"

#include <array>
#include <bit>
#include <climits>
#include <cstdint>
#include <span>

namespace discovery::base {

namespace {

/// The first 64 bits of the fractional parts of the cube roots of the first 80 primes. SHA-256 takes the
/// first 32 bits of the first 64 of them.
constexpr std::array<std::uint64_t, 80> kRoundConstants = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc, 0x3956c25bf348b538,
    0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118, 0xd807aa98a3030242, 0x12835b0145706fbe,
    0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2, 0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235,
    0xc19bf174cf692694, 0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5, 0x983e5152ee66dfab,
    0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4, 0xc6e00bf33da88fc2, 0xd5a79147930aa725,
    0x06ca6351e003826f, 0x142929670a0e6e70, 0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed,
    0x53380d139d95b3df, 0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30, 0xd192e819d6ef5218,
    0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8, 0x19a4c116b8d2d0c8, 0x1e376c085141ab53,
    0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8, 0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373,
    0x682e6ff3d6b2b8a3, 0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b, 0xca273eceea26619c,
    0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178, 0x06f067aa72176fba, 0x0a637dc5a2c898a6,
    0x113f9804bef90dae, 0x1b710b35131c471b, 0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc,
    0x431d67c49c100d4c, 0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817};

/// The same of the square roots of the first 8 primes.
constexpr std::array<std::uint64_t, 8> kStart = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                                 0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                                 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

/// Two rotations to the right, and a third or a shift.
struct Mix {
  int a, b, c;
};

template <class W>
struct Rules;
template <>
struct Rules<std::uint32_t> {
  static constexpr std::size_t kRounds = 64;
  static constexpr Mix kBig0{2, 13, 22}, kBig1{6, 11, 25}, kSmall0{7, 18, 3}, kSmall1{17, 19, 10};
};
template <>
struct Rules<std::uint64_t> {
  static constexpr std::size_t kRounds = 80;
  static constexpr Mix kBig0{28, 34, 39}, kBig1{14, 18, 41}, kSmall0{1, 8, 7}, kSmall1{19, 61, 6};
};

template <class W>
constexpr W big(const Mix& mix, W x) {
  return std::rotr(x, mix.a) ^ std::rotr(x, mix.b) ^ std::rotr(x, mix.c);
}
template <class W>
constexpr W small(const Mix& mix, W x) {
  return std::rotr(x, mix.a) ^ std::rotr(x, mix.b) ^ (x >> mix.c);
}
/// The first bits of a constant.
template <class W>
constexpr W first_bits(std::uint64_t constant) {
  return static_cast<W>(constant >> (64 - CHAR_BIT * sizeof(W)));
}

/// SHA-2 of words of 32 or 64 bits, with the names of FIPS 180-4, section 6.
template <class W>
class Sha2 {
 public:
  static constexpr std::size_t kBlock = 16 * sizeof(W);

  Sha2() {
    for (std::size_t i = 0; i < hash_.size(); ++i) hash_[i] = first_bits<W>(kStart[i]);
  }

  std::string hex_of(std::string_view text) {
    const std::uint64_t bits = std::uint64_t{text.size()} * CHAR_BIT;
    for (; text.size() >= kBlock; text.remove_prefix(kBlock)) take(text.substr(0, kBlock));
    // A bit that is set, zeroes, and the length, which takes up two words at the end of a block.
    std::string rest(text);
    rest += '\x80';
    rest.resize(rest.size() <= kBlock - 2 * sizeof(W) ? kBlock : 2 * kBlock);
    for (std::size_t i = 0; i < sizeof bits; ++i)
      rest[rest.size() - 1 - i] = static_cast<char>(bits >> (CHAR_BIT * i));
    for (std::string_view left = rest; !left.empty(); left.remove_prefix(kBlock))
      take(left.substr(0, kBlock));
    return hex();
  }

 private:
  void take(std::string_view block) {
    std::array<W, Rules<W>::kRounds> w{};
    for (std::size_t i = 0; i < kBlock; ++i) {
      W& word = w[i / sizeof(W)];
      word = static_cast<W>(word << CHAR_BIT) | static_cast<unsigned char>(block[i]);
    }
    for (std::size_t t = 16; t < w.size(); ++t) {
      w[t] = small(Rules<W>::kSmall1, w[t - 2]) + w[t - 7] + small(Rules<W>::kSmall0, w[t - 15]) + w[t - 16];
    }
    auto [a, b, c, d, e, f, g, h] = hash_;
    for (std::size_t t = 0; t < w.size(); ++t) {
      const W choice = (e & f) ^ (~e & g);
      const W majority = (a & b) ^ (a & c) ^ (b & c);
      const W t1 = h + big(Rules<W>::kBig1, e) + choice + first_bits<W>(kRoundConstants[t]) + w[t];
      const W t2 = big(Rules<W>::kBig0, a) + majority;
      h = g;
      g = f;
      f = e;
      e = d + t1;
      d = c;
      c = b;
      b = a;
      a = t1 + t2;
    }
    const std::array<W, 8> mixed = {a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < hash_.size(); ++i) hash_[i] += mixed[i];
  }

  std::string hex() const {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out;
    out.reserve(hash_.size() * sizeof(W) * 2);
    for (const W word : hash_) {
      for (int shift = CHAR_BIT * sizeof(W) - 4; shift >= 0; shift -= 4) out += kHex[(word >> shift) & 0xF];
    }
    return out;
  }

  std::array<W, 8> hash_{};
};

}  // namespace

std::string sha256_hex(std::string_view text) { return Sha2<std::uint32_t>().hex_of(text); }

std::string sha512_hex(std::string_view text) { return Sha2<std::uint64_t>().hex_of(text); }

}  // namespace discovery::base
