#include "lib/state/tree.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace discovery::state {
namespace {

using Leaf = Box<int>;
using Model = std::map<std::string, int>;

/// Keys that share prefixes, are prefixes of each other, and hold every byte, so that all shapes of branches
/// occur.
std::string random_key(std::mt19937& random) {
  static const std::vector<std::string> kStems = {
      "", "a", "ab", "app/", "app/config/", std::string("\0x", 2), "\xff"};
  std::string key = kStems[random() % kStems.size()];
  const std::size_t size = random() % 4;
  for (std::size_t at = 0; at < size; ++at) key.push_back(static_cast<char>(random() % (at == 0 ? 256 : 3)));
  return key;
}

void require_equal(const TreeView<Leaf>& tree, const Model& model, std::string_view prefix) {
  std::vector<std::pair<std::string, int>> seen;
  tree.scan(prefix, [&](const Leaf& leaf) { seen.emplace_back(std::string(leaf.key()), leaf.value()); });
  std::vector<std::pair<std::string, int>> expected;
  for (auto at = model.lower_bound(std::string(prefix)); at != model.end() && at->first.starts_with(prefix);
       ++at) {
    expected.emplace_back(*at);
  }
  REQUIRE(seen == expected);
  REQUIRE(tree.any(prefix) == !expected.empty());
}

/// A chain of versions as the store keeps them, in one thread: garbage is kept until the end.
struct Versions {
  base::Slab slab;
  Root root;
  std::uint64_t owner = 0;
  std::vector<Garbage> garbage;
  std::vector<std::pair<Root, Model>> history;

  ~Versions() {
    for (Garbage& batch : garbage) batch.free(slab);
    TreeEditor<Leaf>::destroy(root, slab);
  }
};

void mutate(TreeEditor<Leaf>& editor, Model& model, std::mt19937& random) {
  const std::string key = random_key(random);
  switch (random() % 8) {
    case 0:
    case 1: {
      REQUIRE(editor.erase(key) == (model.erase(key) == 1));
      break;
    }
    case 2: {
      if (key.empty() && random() % 20 != 0) break;
      std::size_t erased = 0;
      for (auto at = model.lower_bound(key); at != model.end() && at->first.starts_with(key); ++erased) {
        at = model.erase(at);
      }
      REQUIRE(editor.erase_prefix(key) == erased);
      break;
    }
    default: {
      const int value = static_cast<int>(random());
      editor.insert(Leaf::make(key, value));
      model[key] = value;
    }
  }
}

TEST_CASE("a tree behaves as an ordered map, and old versions stay as they were", "[state][tree]") {
  const auto seed = GENERATE(range(1U, 41U));
  std::mt19937 random(seed);
  Versions versions;
  Model model;
  for (int transaction = 0; transaction < 60; ++transaction) {
    Garbage garbage;
    TreeEditor<Leaf> editor(versions.root, ++versions.owner, versions.slab, garbage);
    Model next = model;
    const std::size_t changes = random() % 20;
    for (std::size_t change = 0; change < changes; ++change) mutate(editor, next, random);
    if (random() % 4 == 0) {
      editor.rollback(versions.root);
    } else {
      versions.root = editor.root();
      versions.garbage.push_back(std::move(garbage));
      model = std::move(next);
    }
    versions.history.emplace_back(versions.root, model);
    REQUIRE(TreeView<Leaf>(versions.root).size() == model.size());
  }
  for (const auto& [root, state] : versions.history) {
    const TreeView<Leaf> tree(root);
    require_equal(tree, state, "");
    for (int probe = 0; probe < 20; ++probe) {
      const std::string key = random_key(random);
      const Leaf* leaf = tree.find(key);
      const auto expected = state.find(key);
      REQUIRE((leaf != nullptr) == (expected != state.end()));
      if (leaf != nullptr) REQUIRE(leaf->value() == expected->second);
      require_equal(tree, state, key);
    }
  }
}

TEST_CASE("a branch holds all 256 bytes in order", "[state][tree]") {
  base::Slab slab;
  Garbage garbage;
  TreeEditor<Leaf> editor(Root(), 1, slab, garbage);
  for (int byte = 255; byte >= 0; --byte)
    editor.insert(Leaf::make(std::string(1, static_cast<char>(byte)), byte));
  int expected = 0;
  editor.view().scan("", [&](const Leaf& leaf) { REQUIRE(leaf.value() == expected++); });
  REQUIRE(expected == 256);
  for (int byte = 0; byte < 256; ++byte) REQUIRE(editor.erase(std::string(1, static_cast<char>(byte))));
  REQUIRE(editor.view().empty());
  garbage.free(slab);
}

TEST_CASE("a scan ends where its visitor says", "[state][tree]") {
  base::Slab slab;
  Garbage garbage;
  TreeEditor<Leaf> editor(Root(), 1, slab, garbage);
  for (int number = 0; number < 10; ++number) editor.insert(Leaf::make(std::to_string(number), number));
  int seen = 0;
  editor.view().scan("", [&](const Leaf&) { return ++seen < 3; });
  REQUIRE(seen == 3);
  TreeEditor<Leaf>::destroy(editor.root(), slab);
}

}  // namespace
}  // namespace discovery::state
