#include "lib/http/gzip.h"

#include <zlib.h>

#include <string>

#include <catch2/catch.hpp>

using namespace discovery::http;

namespace {

std::string inflated(std::string_view bytes, std::size_t size) {
  std::string out(size, '\0');
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  CHECK(stream.total_out == size);
  inflateEnd(&stream);
  return out;
}

}  // namespace

TEST_CASE("gzip is taken by those who name it with a weight") {
  for (const char* yes : {"gzip", "GZIP", "deflate, gzip", "gzip;q=0.5", "gzip ; q=1", "br;q=0, gzip;x=y"}) {
    CAPTURE(yes);
    CHECK(accepts_gzip(yes));
  }
  for (const char* no :
       {"", "deflate", "identity", "gzip;q=0", "gzip;q=0.0", "gzip;q=x", "gzipped", "*", ",,;q=1"}) {
    CAPTURE(no);
    CHECK_FALSE(accepts_gzip(no));
  }
}

TEST_CASE("what is compressed comes back") {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "line " + std::to_string(i * 7919) + "\n";
  const std::string compressed = gzip(text);
  CHECK(compressed.size() < text.size() / 2);
  CHECK(inflated(compressed, text.size()) == text);
  CHECK(inflated(gzip(""), 0).empty());
}
