#include "lib/http1/parser.h"

#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

namespace discovery::http1 {
namespace {

struct Parsed {
  std::string bytes;
  std::vector<Header> fields;
  Request request;
  RequestHead head;
  HeadError error = HeadError::kNone;

  explicit Parsed(std::string text) : bytes(std::move(text)) {
    error = parse_request_head(bytes, fields, request, head);
  }
  Parsed(const Parsed&) = delete;
  Parsed& operator=(const Parsed&) = delete;
};

HeadError error_of(const std::string& text) { return Parsed(text).error; }

/// A head of HTTP/1.1 with these fields beside Host.
std::string with(const std::string& fields) { return "GET / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n"; }

TEST_CASE("a request's head") {
  const Parsed parsed(
      "PUT /v1/kv/a%20b?raw&x=%zz HTTP/1.1\r\nHost: consul:8500\r\nX-Consul-Token:  t \t\r\nEmpty:\r\n\r\n");
  REQUIRE(parsed.error == HeadError::kNone);
  CHECK(parsed.request.method == "PUT");
  CHECK(parsed.request.target == "/v1/kv/a%20b?raw&x=%zz");
  CHECK(parsed.request.host == "consul:8500");
  CHECK(parsed.request.version == 11);
  CHECK(parsed.request.keep_alive);
  CHECK(parsed.request.header("x-consul-token") == "t");
  REQUIRE(parsed.request.headers.size() == 3);
  CHECK(parsed.request.headers[2].name == "Empty");
  CHECK(parsed.request.headers[2].value.empty());
  CHECK(parsed.head.framing == Framing::kNone);
  CHECK_FALSE(parsed.request.content_length);
}

TEST_CASE("heads that are no heads") {
  CHECK(error_of("GET /\r\n\r\n") == HeadError::kMalformed);
  CHECK(error_of("\x16\x03\x01\r\n\r\n") == HeadError::kMalformed);
  CHECK(error_of("GET  / HTTP/1.1\r\nHost: h\r\n\r\n") == HeadError::kMalformed);
  CHECK(error_of("GET / HTTP/1.1 \r\nHost: h\r\n\r\n") == HeadError::kMalformed);
  CHECK(error_of("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n") == HeadError::kMalformed);
  CHECK(error_of("G@T / HTTP/1.1\r\nHost: h\r\n\r\n") == HeadError::kMalformed);
  CHECK(error_of("GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n") == HeadError::kMalformed);
  CHECK(error_of("GET / HTTX/1.1\r\nHost: h\r\n\r\n") == HeadError::kMalformed);
  CHECK(error_of("GET / HTTP/11\r\nHost: h\r\n\r\n") == HeadError::kMalformed);
  CHECK(error_of(with("No colon\r\n")) == HeadError::kMalformed);
  CHECK(error_of(with(": no name\r\n")) == HeadError::kMalformed);
  CHECK(error_of(with("Space : x\r\n")) == HeadError::kMalformed);
  CHECK(error_of(with(" Space: x\r\n")) == HeadError::kMalformed);
  CHECK(error_of(with("Bare: a\rb\r\n")) == HeadError::kMalformed);
  CHECK(error_of(with("Control: a\x01"
                      "b\r\n")) == HeadError::kMalformed);
  CHECK(error_of(with(std::string("Nul: a\0b\r\n", 10))) == HeadError::kMalformed);
  CHECK(error_of(with("N\xc3\xa4me: x\r\n")) == HeadError::kMalformed);
  CHECK(error_of(with("Tab: a\tb\r\nText: \xc3\xa4\r\n")) == HeadError::kNone);
}

TEST_CASE("versions that are not spoken") {
  CHECK(error_of("GET / HTTP/2.0\r\nHost: h\r\n\r\n") == HeadError::kUnknownVersion);
  CHECK(error_of("PRI * HTTP/2.0\r\n\r\n") == HeadError::kUnknownVersion);
  CHECK(error_of("GET / HTTP/0.9\r\n\r\n") == HeadError::kUnknownVersion);
  CHECK(error_of("GET / HTTP/1.2\r\n\r\n") == HeadError::kUnknownVersion);
}

TEST_CASE("folded lines are refused") {
  CHECK(error_of(with("A: b\r\n c\r\n")) == HeadError::kMalformed);
  CHECK(error_of(with("A: b\r\n\tc\r\n")) == HeadError::kMalformed);
  CHECK(error_of(with("A: b\r\n \r\n")) == HeadError::kMalformed);
  CHECK(error_of(with("A:\r\n b\r\n")) == HeadError::kMalformed);
  CHECK(error_of(with("A: \r\n \r\n")) == HeadError::kMalformed);
  CHECK(error_of(with("A: " + std::string(5000, 'x') + "\r\n y\r\n")) == HeadError::kMalformed);
}

TEST_CASE("hosts") {
  CHECK(error_of("GET / HTTP/1.1\r\n\r\n") == HeadError::kMissingHost);
  CHECK(error_of("GET / HTTP/1.0\r\n\r\n") == HeadError::kNone);
  CHECK(error_of("GET / HTTP/1.1\r\nHost:\r\n\r\n") == HeadError::kNone);
  CHECK(error_of("GET / HTTP/1.1\r\nHost: [::1]:8500\r\n\r\n") == HeadError::kNone);
  CHECK(error_of("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n") == HeadError::kMalformedHost);
  CHECK(error_of("GET / HTTP/1.1\r\nHost: a b\r\n\r\n") == HeadError::kMalformedHost);
  CHECK(error_of("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n") == HeadError::kSeveralHosts);
}

TEST_CASE("forms of the target") {
  const auto target_of = [](const std::string& target) {
    const Parsed parsed("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
    return parsed.error == HeadError::kNone
               ? std::string(parsed.request.host) + " " + std::string(parsed.request.target)
               : "bad";
  };
  CHECK(target_of("/a/../b//c?d=e?f#g") == "h /a/../b//c?d=e?f#g");
  CHECK(target_of("*") == "h *");
  CHECK(target_of("http://other:80/v1/kv/a?raw") == "other:80 /v1/kv/a?raw");
  CHECK(target_of("HTTP://user:pass@other/x") == "other /x");
  CHECK(target_of("http://other") == "other /");
  CHECK(target_of("http://other?x") == "bad");
  CHECK(target_of("http:///x") == "bad");
  CHECK(target_of("://other/x") == "bad");
  CHECK(target_of("v1/kv") == "bad");
  CHECK(target_of("other:443") == "bad");
  CHECK(target_of("/a%2Fb%e4") == "h /a%2Fb%e4");
  CHECK(target_of("/a%") == "bad");
  CHECK(target_of("/a%2") == "bad");
  CHECK(target_of("/a%2?b") == "bad");
  CHECK(target_of("/a%zz") == "bad");
  CHECK(target_of("/a?b=%zz") == "h /a?b=%zz");
  CHECK(target_of("/\xc3\xa4") == "h /\xc3\xa4");
}

TEST_CASE("whether the connection goes on") {
  CHECK(Parsed(with("")).request.keep_alive);
  CHECK_FALSE(Parsed(with("Connection: close\r\n")).request.keep_alive);
  CHECK_FALSE(Parsed(with("Connection: foo, Close\r\n")).request.keep_alive);
  CHECK(Parsed(with("Connection: Keep-Alive, Upgrade\r\n")).request.keep_alive);
  CHECK_FALSE(Parsed("GET / HTTP/1.0\r\n\r\n").request.keep_alive);
  CHECK(Parsed("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").request.keep_alive);
}

TEST_CASE("how the body ends, without doubt") {
  const Parsed length(with("Content-Length: 5\r\n"));
  CHECK(length.head.framing == Framing::kLength);
  CHECK(length.request.content_length == 5U);
  const Parsed zero(with("Content-Length: 0\r\n"));
  CHECK(zero.head.framing == Framing::kNone);
  CHECK(zero.request.content_length == 0U);
  const Parsed chunked(with("Transfer-Encoding: Chunked\r\n"));
  CHECK(chunked.head.framing == Framing::kChunked);
  CHECK_FALSE(chunked.request.content_length);
  const Parsed huge(with("Content-Length: 18446744073709551615\r\n"));
  CHECK(huge.request.content_length == 18446744073709551615U);

  CHECK(error_of(with("Content-Length: 5\r\nContent-Length: 5\r\n")) == HeadError::kMalformed);
  CHECK(error_of(with("Content-Length: 5\r\nContent-Length: 6\r\n")) == HeadError::kMalformed);
  CHECK(error_of(with("Content-Length: 5, 5\r\n")) == HeadError::kMalformed);
  CHECK(error_of(with("Content-Length: +5\r\n")) == HeadError::kMalformed);
  CHECK(error_of(with("Content-Length: -5\r\n")) == HeadError::kMalformed);
  CHECK(error_of(with("Content-Length: 0x5\r\n")) == HeadError::kMalformed);
  CHECK(error_of(with("Content-Length:\r\n")) == HeadError::kMalformed);
  CHECK(error_of(with("Content-Length: 18446744073709551616\r\n")) == HeadError::kMalformed);
  CHECK(error_of(with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")) == HeadError::kMalformed);
  CHECK(error_of(with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")) == HeadError::kMalformed);
  CHECK(error_of(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")) ==
        HeadError::kMalformed);
  CHECK(error_of("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == HeadError::kMalformed);
  CHECK(error_of(with("Transfer-Encoding: gzip\r\n")) == HeadError::kUnknownCoding);
  CHECK(error_of(with("Transfer-Encoding: gzip, chunked\r\n")) == HeadError::kUnknownCoding);
  CHECK(error_of(with("Transfer-Encoding: chunked, identity\r\n")) == HeadError::kUnknownCoding);
  CHECK(error_of(with("Transfer-Encoding: xchunked\r\n")) == HeadError::kUnknownCoding);
  CHECK(error_of(with("Transfer-Encoding:\r\n")) == HeadError::kUnknownCoding);
}

TEST_CASE("expectations") {
  CHECK(Parsed(with("Expect: 100-Continue\r\n")).head.expect_continue);
  CHECK(Parsed(with("Expect: more\r\n")).head.expect_other);
  CHECK_FALSE(Parsed(with("")).head.expect_continue);
}

TEST_CASE("too many fields") {
  std::string fields;
  for (std::size_t i = 1; i < kMaxFields; ++i) fields += "A: b\r\n";
  CHECK(error_of(with(fields)) == HeadError::kNone);
  CHECK(error_of(with(fields + "A: b\r\n")) == HeadError::kTooManyFields);
}

TEST_CASE("the head's end is found however the bytes come") {
  const std::string head = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::string text = head + "body\r\n\r\n";
  HeadScanner whole;
  REQUIRE(whole.scan(text) == HeadScanner::Result::kFound);
  CHECK(whole.size() == head.size());
  HeadScanner bytewise;
  for (std::size_t size = 0; size < head.size(); ++size) {
    REQUIRE(bytewise.scan(std::string_view(text).substr(0, size)) == HeadScanner::Result::kNeedMore);
  }
  REQUIRE(bytewise.scan(head) == HeadScanner::Result::kFound);
  CHECK(bytewise.size() == head.size());
  CHECK(HeadScanner().scan("GET / HTTP/1.1\nHost") == HeadScanner::Result::kBad);
  CHECK(HeadScanner().scan("\n") == HeadScanner::Result::kBad);
  CHECK(HeadScanner().scan("a\r\n\n") == HeadScanner::Result::kBad);
  HeadScanner empty;
  CHECK(empty.scan("\r\n") == HeadScanner::Result::kFound);
  CHECK(empty.size() == 2);
}

TEST_CASE("a response's head") {
  ResponseHead head;
  const auto parse = [&](const std::string& text, bool to_head = false) {
    static std::string bytes;
    bytes = text;
    return parse_response_head(bytes, to_head, head);
  };
  REQUIRE(parse("HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\nX: y\r\n\r\n") == HeadError::kNone);
  CHECK(head.status == 404);
  CHECK(head.version == 11);
  CHECK(head.framing == Framing::kLength);
  CHECK(head.content_length == 7);
  CHECK(head.keep_alive);
  CHECK(find_header(head.fields, "x") == "y");
  REQUIRE(parse("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", true) == HeadError::kNone);
  CHECK(head.framing == Framing::kNone);
  REQUIRE(parse("HTTP/1.1 204 \r\n\r\n") == HeadError::kNone);
  CHECK(head.framing == Framing::kNone);
  REQUIRE(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") == HeadError::kNone);
  CHECK(head.framing == Framing::kChunked);
  REQUIRE(parse("HTTP/1.0 200 OK\r\n\r\n") == HeadError::kNone);
  CHECK(head.framing == Framing::kUntilClose);
  CHECK_FALSE(head.keep_alive);
  CHECK(parse("HTTP/1.1 20 OK\r\n\r\n") == HeadError::kMalformed);
  CHECK(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n") == HeadError::kUnknownCoding);
  CHECK(parse("GET / HTTP/1.1\r\n\r\n") == HeadError::kMalformed);
}

/// Decodes `text` in pieces of `piece` bytes.
struct Decoded {
  BodyDecoder::Result result = BodyDecoder::Result::kNeedMore;
  std::string body;
  std::string rest;

  Decoded(Framing framing, std::uint64_t length, std::string_view text, std::size_t piece,
          std::uint64_t limit = 1000000) {
    BodyDecoder decoder;
    decoder.start(framing, length, limit);
    while (!text.empty() && result == BodyDecoder::Result::kNeedMore) {
      std::string_view now = text.substr(0, piece);
      const std::size_t before = now.size();
      result = decoder.decode(now, body);
      text.remove_prefix(before - now.size());
    }
    rest = text;
  }
};

TEST_CASE("bodies are decoded however the bytes come") {
  using Result = BodyDecoder::Result;
  const std::string chunked =
      "5\r\nhello\r\n1;name=\"va;lue\"\r\n \r\nA \r\n0123456789\r\n000\r\nTrailer: x\r\n\r\nnext";
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U}) {
    const Decoded whole(Framing::kChunked, 0, chunked, piece);
    CHECK(whole.result == Result::kDone);
    CHECK(whole.body == "hello 0123456789");
    CHECK(whole.rest == "next");
    const Decoded length(Framing::kLength, 5, "hellonext", piece);
    CHECK(length.result == Result::kDone);
    CHECK(length.body == "hello");
    CHECK(length.rest == "next");
    const Decoded until_close(Framing::kUntilClose, 0, "hello", piece);
    CHECK(until_close.result == Result::kNeedMore);
    CHECK(until_close.body == "hello");
  }
  BodyDecoder none;
  std::string_view bytes = "next";
  std::string body;
  CHECK(none.decode(bytes, body) == Result::kDone);
  CHECK(bytes == "next");
}

TEST_CASE("chunks that are none") {
  using Result = BodyDecoder::Result;
  for (const std::string text :
       {"x\r\n", "\r\n", "-1\r\n", "5\nhello", "5\r\nhelloX", "5\r\nhello\n", "5\r\nhello\rX", "5 x\x01\r\n",
        ";x\r\n", "11111111111111111\r\n", "0\r\nA\x01\r\n\r\n", "0\r\nA: b\nB", "0\r\n\rX", "0x5\r\n"}) {
    CAPTURE(text);
    CHECK(Decoded(Framing::kChunked, 0, text, 1000).result == Result::kBad);
  }
  CHECK(Decoded(Framing::kChunked, 0, "5;" + std::string(5000, 'x'), 1000).result == Result::kBad);
  CHECK(Decoded(Framing::kChunked, 0, std::string(5000, '0'), 1000).result == Result::kBad);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 5000; ++i) trailers += "A: b\r\n";
  CHECK(Decoded(Framing::kChunked, 0, trailers, 1000).result == Result::kBad);
}

TEST_CASE("bodies over their limit") {
  using Result = BodyDecoder::Result;
  CHECK(Decoded(Framing::kChunked, 0, "5\r\nhello\r\n0\r\n\r\n", 1, 5).result == Result::kDone);
  CHECK(Decoded(Framing::kChunked, 0, "6\r\n", 1, 5).result == Result::kTooLarge);
  CHECK(Decoded(Framing::kChunked, 0, "5\r\nhello\r\n1\r\n", 1, 5).result == Result::kTooLarge);
  CHECK(Decoded(Framing::kChunked, 0, "FFFFFFFFFFFFFFFF\r\n", 1, 5).result == Result::kTooLarge);
  CHECK(Decoded(Framing::kLength, 6, "hello!", 10, 5).result == Result::kTooLarge);
  CHECK(Decoded(Framing::kUntilClose, 0, "hello!", 10, 5).result == Result::kTooLarge);
}

TEST_CASE("the end of the stream ends some bodies") {
  using Result = BodyDecoder::Result;
  BodyDecoder decoder;
  decoder.start(Framing::kUntilClose, 0, 10);
  CHECK(decoder.end() == Result::kDone);
  decoder.start(Framing::kLength, 5, 10);
  CHECK(decoder.end() == Result::kBad);
  decoder.start(Framing::kChunked, 0, 10);
  CHECK(decoder.end() == Result::kBad);
  decoder.start(Framing::kNone, 0, 10);
  CHECK(decoder.end() == Result::kDone);
}

}  // namespace
}  // namespace discovery::http1
