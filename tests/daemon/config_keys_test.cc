#include <set>
#include <string>

#include <catch2/catch.hpp>

#include "daemon/config/definitions.h"
#include "daemon/config/keys.h"

namespace discovery::config {
namespace {

TEST_CASE("the table of keys is sound") {
  const Schema& schema = agent_schema();
  std::set<std::string> paths;
  std::set<std::string> sections;
  for (std::size_t row = 0; row < schema.size(); ++row) {
    const AgentKey& key = agent_key(row);
    const std::string path(key.key.path);
    INFO(path);
    CHECK(schema.find(path) == row);
    CHECK(paths.insert(path).second);
    if (key.effect == Effect::kReload) CHECK(key.copy != nullptr);
    if (key.effect == Effect::kRefused) CHECK_FALSE(key.note.empty());
    if (key.effect == Effect::kStatic) CHECK(key.set != nullptr);
    const bool needs_schema = key.key.type == Type::kObject || key.key.type == Type::kObjectList;
    CHECK((key.key.nested != nullptr) == needs_schema);
    if (path.find('.') != std::string::npos) sections.insert(path.substr(0, path.find('.')));
  }
  for (const std::string& section : sections) CHECK(paths.count(section) == 0);
  CHECK(schema.size() > 280);
}

TEST_CASE("a key that stands for another is of its type") {
  const Schema& schema = agent_schema();
  for (std::size_t row = 0; row < schema.size(); ++row) {
    const AgentKey& key = agent_key(row);
    if ((key.effect != Effect::kDeprecated && key.effect != Effect::kRenamed) || key.note.empty()) continue;
    INFO(key.key.path);
    const auto target = schema.find(key.note);
    REQUIRE(target.has_value());
    CHECK(agent_key(*target).key.type == key.key.type);
    CHECK(agent_key(*target).effect != Effect::kDeprecated);
  }
}

TEST_CASE("keys count in any case and come out in the spelling of the table") {
  Problems problems;
  const hcl::Value definition(
      hcl::Value::Object{{"Name", hcl::Value(std::string("a"))},
                         {"NAME", hcl::Value(std::string("b"))},
                         {"port", hcl::Value(80.0)},
                         {"tags", hcl::Value()},
                         {"id", hcl::Value(hcl::Value::List{hcl::Value(std::string("c"))})}});
  const hcl::Value read = service_definition().read_object(definition, "", problems);
  CHECK(problems.types.empty());
  CHECK(problems.unknown_keys.empty());
  CHECK(read == hcl::Value(hcl::Value::Object{{"name", hcl::Value(std::string("b"))},
                                              {"port", hcl::Value(std::int64_t{80})},
                                              {"id", hcl::Value(std::string("c"))}}));
}

TEST_CASE("very many unknown keys are told quickly") {
  hcl::Value::Object object;
  for (int i = 0; i < 100000; ++i) object.push_back({"unknown_key_" + std::to_string(i), hcl::Value(true)});
  Problems problems;
  CHECK(agent_schema().read(object, "", problems).empty());
  CHECK(problems.unknown_keys.size() == 100000);
}

}  // namespace
}  // namespace discovery::config
