#include "lib/model/answer.h"

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

namespace discovery::model {
namespace {

TEST_CASE("An answer's form is rendered once and shared", "[answer]") {
  const SharedAnswer answer(Names{"dc1", "dc2"});
  int renderings = 0;
  const auto render = [&](const Value& value) {
    ++renderings;
    return std::get<Names>(value).front() + std::to_string(renderings);
  };
  const auto first = answer.bytes(SharedAnswer::Form::kJson, render);
  CHECK(*first == "dc11");
  CHECK(answer.bytes(SharedAnswer::Form::kJson, render) == first);
  CHECK(*answer.bytes(SharedAnswer::Form::kJsonPretty, render) == "dc12");
  CHECK(renderings == 2);
}

TEST_CASE("An answer's bytes outlive it", "[answer]") {
  SharedAnswer::Bytes bytes;
  {
    const SharedAnswer answer(Names{});
    bytes = answer.bytes(SharedAnswer::Form::kJson, [](const Value&) { return std::string("[]"); });
  }
  CHECK(*bytes == "[]");
}

TEST_CASE("An answer is superseded once and for all", "[answer]") {
  const SharedAnswer answer(Names{});
  CHECK_FALSE(answer.superseded());
  answer.supersede();
  CHECK(answer.superseded());
}

TEST_CASE("Of renderings that race one stays", "[answer]") {
  const SharedAnswer answer(Names{});
  std::atomic<int> renderings{0};
  std::vector<SharedAnswer::Bytes> seen(8);
  std::vector<std::thread> threads;
  for (auto& bytes : seen) {
    threads.emplace_back([&] {
      bytes = answer.bytes(SharedAnswer::Form::kJson,
                           [&](const Value&) { return std::to_string(renderings.fetch_add(1)); });
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(std::set<SharedAnswer::Bytes>(seen.begin(), seen.end()).size() == 1);
}

}  // namespace
}  // namespace discovery::model
