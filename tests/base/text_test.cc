#include "lib/base/text.h"

#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

namespace discovery::base {
namespace {

std::string of_size(std::size_t size) {
  std::string text;
  for (std::size_t at = 0; at < size; ++at) text.push_back(static_cast<char>('a' + at % 26));
  return text;
}

TEST_CASE("a text is what it was made from, in its word and out of it", "[base][text]") {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string text = of_size(size);
    const Text made(text);
    CHECK(made == text);
    CHECK(made.size() == size);
    CHECK(made.empty() == (size == 0));
    CHECK((made.sharers() == 0) == (size <= 7));
    CHECK(made == Text(text));
    CHECK_FALSE(made == text + "x");
    CHECK_FALSE(made == Text(text + "x"));
    CHECK("<" + made + ">" == "<" + text + ">");
  }
}

TEST_CASE("a text may hold any byte", "[base][text]") {
  for (const std::string& bytes :
       {std::string(3, '\0'), std::string(20, '\0'), std::string("\xff\x01\0z", 4)}) {
    CHECK(Text(bytes).view() == bytes);
    CHECK_FALSE(Text(bytes).empty());
  }
}

TEST_CASE("copies of a long text share its bytes until the last one goes", "[base][text]") {
  Text first(of_size(30));
  {
    const Text second = first;  // NOLINT: the copy is the test
    CHECK(second.view().data() == first.view().data());
    CHECK(first.sharers() == 2);
  }
  CHECK(first.sharers() == 1);
  const Text moved = std::move(first);
  CHECK(moved == of_size(30));
  CHECK(first.empty());  // NOLINT: a text that was moved from is empty
  Text& self = first;
  first = self;
  CHECK(first.empty());
}

TEST_CASE("texts are ordered as their bytes are, among themselves and with strings", "[base][text]") {
  const std::vector<std::string> words = {"", "a", "aaaaaaa", "aaaaaaaa", "aaaaaaab", "b", "\xff"};
  for (const std::string& a : words) {
    for (const std::string& b : words) {
      CHECK((Text(a) < Text(b)) == (a < b));
      CHECK((Text(a) < b) == (a < b));
      CHECK((a < Text(b)) == (a < b));
      CHECK((Text(a) == b) == (a == b));
    }
  }
}

TEST_CASE("a text is copied and dropped on several threads", "[base][text]") {
  const Text shared(of_size(64));
  std::vector<std::thread> threads;
  for (int number = 0; number < 4; ++number) {
    threads.emplace_back([copy = shared] {
      std::size_t seen = 0;
      for (int round = 0; round < 1000; ++round) seen += Text(copy).size();
      if (seen != 64000) std::abort();
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(shared.sharers() == 1);
}

}  // namespace
}  // namespace discovery::base
