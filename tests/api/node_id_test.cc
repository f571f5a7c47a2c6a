// Where a node's id comes from: the configuration, the data directory, the machine, or chance.

#include "lib/api/node_id.h"

#include <string>

#include <catch2/catch.hpp>

#include "lib/base/uuid.h"
#include "lib/env/sim_env.h"

namespace discovery::api {
namespace {

constexpr const char* kProductUuid = "/sys/class/dmi/id/product_uuid";
constexpr const char* kMachineId = "/etc/machine-id";
constexpr const char* kDerivedFromProduct = "53cec506-d535-9691-b6ec-2d072e0dd508";
constexpr const char* kDerivedFromMachine = "e512de2a-2d8b-0ff8-909f-bb7579c079d1";

TEST_CASE("a node's id is derived from the machine's as Consul derives it", "[api][node-id]") {
  CHECK(node_id_of_host("4C4C4544-0042-3510-8052-B4C04F564231\n", "") == kDerivedFromProduct);
  CHECK(node_id_of_host("4c4c4544-0042-3510-8052-b4c04f564231", "0123abcd456789abcdef0123456789ab\n") ==
        kDerivedFromProduct);
  CHECK(node_id_of_host("", "0123ABCD456789abcdef0123456789ab\n") == kDerivedFromMachine);
  CHECK(node_id_of_host("\n", "0123abcd456789abcdef0123456789ab") == kDerivedFromMachine);
  CHECK_FALSE(node_id_of_host("Not Settable", "0123abcd456789abcdef0123456789ab"));
  CHECK_FALSE(node_id_of_host("", "0123"));
  CHECK_FALSE(node_id_of_host("", "zzzzabcd456789abcdef0123456789ab"));
  CHECK_FALSE(node_id_of_host("", ""));
}

struct Machine {
  env::Simulation world{1};
  env::SimEnv& env = world.add_env("one");
  agent::Config config;

  Machine() {
    config.data_dir = "/data";
    config.disable_host_node_id = false;
    REQUIRE(env.files().make_directory("/data").ok());
    REQUIRE(env.files().make_directory("/etc").ok());
    REQUIRE(env.files().make_directory("/sys/class/dmi/id").ok());
  }
  std::string find() {
    const Result<std::string> id = find_node_id(env, config);
    REQUIRE(id.ok());
    return *id;
  }
};

TEST_CASE("an id that was found stays, whatever becomes of the machine", "[api][node-id]") {
  Machine machine;
  REQUIRE(machine.env.files().replace(kMachineId, "0123abcd456789abcdef0123456789ab\n").ok());
  CHECK(machine.find() == kDerivedFromMachine);
  REQUIRE(machine.env.files().replace(kProductUuid, "4c4c4544-0042-3510-8052-b4c04f564231\n").ok());
  CHECK(machine.find() == kDerivedFromMachine);  // it is kept in the data directory
  machine.config.dev_mode = true;
  CHECK(machine.find() == kDerivedFromProduct);
  machine.config.node_id = "40e4a748-2192-161a-0510-9bf59fe950b5";
  CHECK(machine.find() == machine.config.node_id);
}

TEST_CASE("without an id of the machine the node's is random, and is so when that is wanted",
          "[api][node-id]") {
  Machine machine;
  const std::string random = machine.find();
  CHECK(base::is_uuid(random));
  REQUIRE_FALSE(machine.env.log_lines().empty());
  CHECK(machine.env.log_lines().back().message.find("random") != std::string::npos);
  CHECK(machine.find() == random);

  Machine other;
  REQUIRE(other.env.files().replace(kMachineId, "0123abcd456789abcdef0123456789ab\n").ok());
  other.config.disable_host_node_id = true;
  CHECK(other.find() != kDerivedFromMachine);
  REQUIRE(other.env.files().replace("/data/node-id", "nonsense").ok());
  CHECK(find_node_id(other.env, other.config).status().code() == Code::kInvalidArgument);
}

}  // namespace
}  // namespace discovery::api
