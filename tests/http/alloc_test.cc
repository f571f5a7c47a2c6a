#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include <catch2/catch.hpp>

#include "tests/http/fakes.h"

/// \file
/// Counts what a read of one key allocates: this is the path that all speed of the KV store goes through.

namespace {
std::atomic<bool> counting{false};
std::atomic<std::size_t> allocations{0};

void* allocate(std::size_t size) noexcept {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size);
}

void* allocate_or_throw(std::size_t size) {
  void* memory = allocate(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

void* operator new(std::size_t size) { return allocate_or_throw(size); }
void* operator new[](std::size_t size) { return allocate_or_throw(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

using namespace discovery;
using namespace discovery::http::testing;

namespace {

/// A backend that costs nothing: it has the answer, and remembers nothing.
class ReadyBackend final : public model::Backend {
 public:
  model::Answer ready = answer(entries({entry("config/app/key-0001", std::string(100, 'v'))}), 16);

  Async<model::Outcome> apply(model::Command, Call) override { unexpected(); }
  Async<model::SessionPtr> renew_session(std::string, Call) override { unexpected(); }
  Async<model::Answer> query(model::Query, model::Read) override { return ready; }
  std::unique_ptr<model::WatchHandle> watch(model::Query, model::Read, model::Sink&) override {
    unexpected();
  }
};

}  // namespace

TEST_CASE("reading one key allocates its name and its text, and nothing else") {
  ReadyBackend backend;
  FakeAgent agent;
  FakeEnv env;
  http::Api api(backend, agent, env, default_options());
  Kept kept;
  const http1::Header headers[] = {
      {"Host", "127.0.0.1:8500"}, {"User-Agent", "test"}, {"Accept-Encoding", "gzip"}};
  const auto ask = [&] {
    http1::Request request;
    request.method = "GET";
    request.target = "/v1/kv/config/app/key-0001";
    request.headers = headers;
    api.handle(request, http1::Responder(kept));
  };
  ask();
  REQUIRE(kept.status() == 200);

  constexpr std::size_t kRounds = 1000;
  counting = true;
  for (std::size_t i = 0; i < kRounds; ++i) ask();
  counting = false;
  CHECK(allocations.load() == 2 * kRounds);
}
