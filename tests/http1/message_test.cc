#include "lib/http1/message.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "lib/http1/response_head.h"

namespace discovery::http1 {
namespace {

TEST_CASE("header lines are kept in order and found without regard to case") {
  HeaderBlock block;
  CHECK(block.empty());
  block.add("Content-Type", "application/json");
  block.add("X-Consul-Index", std::uint64_t{18446744073709551615U});
  block.add("Empty", "");
  CHECK(block.lines() ==
        "Content-Type: application/json\r\nX-Consul-Index: 18446744073709551615\r\nEmpty: \r\n");
  CHECK(block.find("content-TYPE") == "application/json");
  CHECK(block.find("empty") == "");
  CHECK_FALSE(block.find("Content-Typ"));
  CHECK_FALSE(block.find("Content-Types"));
  block.add_default("content-type", "text/plain");
  block.add_default("Vary", "Accept-Encoding");
  CHECK(block.find("Content-Type") == "application/json");
  CHECK(block.find("Vary") == "Accept-Encoding");
}

TEST_CASE("no value can start another line") {
  HeaderBlock block;
  block.add("X-Reason", std::string("a\r\nSet-Cookie: x\n\rb\0c", 21));
  CHECK(block.lines() == "X-Reason: a  Set-Cookie: x  b c\r\n");
}

TEST_CASE("header lines of any size survive copying and moving") {
  for (const std::size_t size :
       {std::size_t{1}, HeaderBlock::kInline - 10, HeaderBlock::kInline, std::size_t{5000}}) {
    HeaderBlock block;
    block.add("A", "first");
    block.add("B", std::string(size, 'x'));
    block.add("C", "last");
    const std::string lines(block.lines());
    HeaderBlock copy = block;
    CHECK(copy.lines() == lines);
    HeaderBlock moved = std::move(copy);
    CHECK(moved.lines() == lines);
    CHECK(copy.empty());  // NOLINT: it says so
    copy = moved;
    CHECK(copy.lines() == lines);
    block.clear();
    block = std::move(copy);
    CHECK(block.lines() == lines);
    CHECK(block.find("C") == "last");
    block.clear();
    CHECK(block.empty());
    block.add("D", "anew");
    CHECK(block.lines() == "D: anew\r\n");
  }
}

TEST_CASE("bodies are owned or shared") {
  CHECK(Body().empty());
  CHECK(Body("text").view() == "text");
  CHECK(Body(std::string("a\0b", 3)).size() == 3);
  const auto shared = std::make_shared<const std::string>("shared");
  const Body body(shared);
  const Body other = body;
  CHECK(other.view().data() == shared->data());
  CHECK(Body(std::shared_ptr<const std::string>()).empty());
}

TEST_CASE("tokens in lists") {
  CHECK(list_has_token("gzip", "gzip"));
  CHECK(list_has_token("deflate, GZIP;q=0.5 ,br", "gzip"));
  CHECK_FALSE(list_has_token("xgzip, gzipx", "gzip"));
  CHECK_FALSE(list_has_token("", "gzip"));
  CHECK_FALSE(list_has_token(",,", "gzip"));
}

TEST_CASE("fields of requests") {
  const std::array<Header, 3> fields = {{{"Host", "a"}, {"X-Token", "1"}, {"x-token", "2"}}};
  Request request;
  request.headers = fields;
  CHECK(request.header("X-TOKEN") == "1");
  CHECK(request.header("Missing").empty());
}

TEST_CASE("dates as Go writes them") {
  const auto at = [](std::int64_t seconds) {
    return format_date(std::chrono::system_clock::time_point(std::chrono::seconds(seconds)));
  };
  CHECK(at(1136239445) == "Mon, 02 Jan 2006 22:04:05 GMT");
  CHECK(at(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(at(1709164799) == "Wed, 28 Feb 2024 23:59:59 GMT");
  CHECK(at(1709164800) == "Thu, 29 Feb 2024 00:00:00 GMT");
  CHECK(at(-1) == "Wed, 31 Dec 1969 23:59:59 GMT");
}

TEST_CASE("response heads") {
  Response response;
  response.headers.add("X", "y");
  HeadDetails details;
  details.length = 12;
  details.date = "D";
  const auto head = [&] {
    std::string out;
    append_response_head(out, response, details);
    return out;
  };
  CHECK(head() == "HTTP/1.1 200 OK\r\nX: y\r\nDate: D\r\nContent-Length: 12\r\n\r\n");
  details.keep_alive = false;
  response.status = 404;
  CHECK(head() ==
        "HTTP/1.1 404 Not Found\r\nX: y\r\nDate: D\r\nContent-Length: 12\r\nConnection: close\r\n\r\n");
  details.version = 10;
  details.body = HeadDetails::BodyKind::kUntilClose;
  CHECK(head() == "HTTP/1.0 404 Not Found\r\nX: y\r\nDate: D\r\nConnection: close\r\n\r\n");
  details.keep_alive = true;
  details.body = HeadDetails::BodyKind::kChunked;
  response.status = 599;
  CHECK(head() ==
        "HTTP/1.0 599 \r\nX: y\r\nDate: D\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n");
  details.body = HeadDetails::BodyKind::kNone;
  details.version = 11;
  response.status = 204;
  CHECK(head() == "HTTP/1.1 204 No Content\r\nX: y\r\nDate: D\r\n\r\n");
}

TEST_CASE("text answers") {
  const Response response = text_response(403, "Permission denied");
  CHECK(response.status == 403);
  CHECK(response.headers.lines() == "Content-Type: text/plain; charset=utf-8\r\n");
  CHECK(response.body.view() == "Permission denied");
}

}  // namespace
}  // namespace discovery::http1
