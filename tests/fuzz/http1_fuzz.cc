/// Hostile bytes against the HTTP/1.1 parser and server. The first byte chooses how the rest is cut into
/// pieces, what comes of which must not depend on that, and whether the parser gets them or the server.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/env/sim_env.h"
#include "lib/http1/parser.h"
#include "lib/http1/server.h"

namespace {

using namespace discovery;  // NOLINT: a program of its own

void require(bool condition) {
  if (!condition) std::abort();
}

/// The requests in `bytes`, one after the other, as text; what comes in pieces of `piece` bytes.
std::string requests_in(std::string_view bytes, std::size_t piece) {
  std::string seen;
  while (!bytes.empty()) {
    http1::HeadScanner scanner;
    http1::HeadScanner::Result found = http1::HeadScanner::Result::kNeedMore;
    for (std::size_t size = std::min(piece, bytes.size());; size = std::min(size + piece, bytes.size())) {
      found = scanner.scan(bytes.substr(0, size));
      if (found != http1::HeadScanner::Result::kNeedMore || size == bytes.size()) break;
    }
    if (found != http1::HeadScanner::Result::kFound) return seen + "no head";
    // A copy of its own, so that a sanitizer sees what is read beyond it.
    const std::vector<char> head_bytes(bytes.begin(),
                                       bytes.begin() + static_cast<std::ptrdiff_t>(scanner.size()));
    bytes.remove_prefix(scanner.size());
    std::vector<http1::Header> fields;
    http1::Request request;
    http1::RequestHead head;
    const auto error =
        http1::parse_request_head({head_bytes.data(), head_bytes.size()}, fields, request, head);
    if (error != http1::HeadError::kNone) return seen + "bad head";
    require(!request.target.empty() && (request.target == "*" || request.target[0] == '/'));
    http1::BodyDecoder decoder;
    decoder.start(head.framing, request.content_length.value_or(0), 1000);
    auto result = http1::BodyDecoder::Result::kNeedMore;
    do {
      std::string_view now = bytes.substr(0, piece);
      const std::size_t before = now.size();
      result = decoder.decode(now, request.body);
      bytes.remove_prefix(before - now.size());
    } while (result == http1::BodyDecoder::Result::kNeedMore && !bytes.empty());
    if (result != http1::BodyDecoder::Result::kDone) return seen + "no body";
    require(request.body.size() <= 1000);
    seen.append(request.method)
        .append(" ")
        .append(request.target)
        .append(" ")
        .append(request.body)
        .append("\n");
  }
  return seen;
}

/// Answers with what it was asked.
class Echo final : public http1::Handler {
 public:
  std::uint64_t body_limit(const http1::Request&) override { return 1000; }
  void handle(http1::Request& request, http1::Responder responder) override {
    std::string text(request.method);
    text.append(" ").append(request.target).append(" ").append(request.host).append(" ").append(request.body);
    for (const auto& field : request.headers) text.append(field.name).append(field.value);
    std::move(responder).send(http1::text_response(request.body_too_large ? 413 : 200, std::move(text)));
  }
};

/// What a server answers to `bytes`, which come in pieces of `piece` bytes. Without the interim answers,
/// which are not needed where the body has come with the head.
std::string answers_to(std::string_view bytes, std::size_t piece) {
  env::Simulation world(1);
  env::SimEnv& machine = world.add_env("server");
  env::SimEnv& client = world.add_env("client");
  env::LinkOptions link;
  link.segment_bytes = piece;
  world.set_link(link);
  Echo echo;
  http1::Server server(machine, {}, echo);
  server.serve(std::move(*machine.listen({machine.address(), 80}, {})));
  std::unique_ptr<env::Stream> stream;
  std::string received;
  std::vector<char> buffer(4096);
  std::function<void()> read = [&] {
    stream->read_some(buffer, [&](const Result<std::size_t>& size) {
      if (!size || *size == 0) return;
      received.append(buffer.data(), *size);
      read();
    });
  };
  client.connect({machine.address(), 80}, std::chrono::seconds(1),
                 [&](Result<std::unique_ptr<env::Stream>> result) {
                   require(result.ok());
                   stream = std::move(*result);
                   read();
                   stream->write(std::span(&bytes, 1), [](const Status&) {});
                 });
  world.run_for(std::chrono::milliseconds(900));
  stream.reset();
  world.run_for(std::chrono::seconds(300));
  require(server.counters().open == 0 && server.counters().waiting == 0);
  constexpr std::string_view kInterim = "HTTP/1.1 100 Continue\r\n\r\n";
  for (std::size_t at = 0; (at = received.find(kInterim, at)) != std::string::npos;)
    received.erase(at, kInterim.size());
  return received;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 4096) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = 1 + data[0] % 64U;
  if ((data[0] & 64U) != 0) {
    require(answers_to(bytes, piece) == answers_to(bytes, 1U << 20));
    return 0;
  }
  require(requests_in(bytes, piece) == requests_in(bytes, 1U << 20));
  std::vector<http1::Header> fields;
  http1::ResponseHead head;
  const std::vector<char> copy(bytes.begin(), bytes.end());
  (void)http1::parse_response_head({copy.data(), copy.size()}, (data[0] & 128U) != 0, head);
  return 0;
}
