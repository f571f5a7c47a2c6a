#include "lib/api/node_id.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "lib/base/digest.h"
#include "lib/base/strings.h"
#include "lib/base/uuid.h"
#include "lib/env/random.h"

namespace discovery::api {
namespace {

constexpr std::size_t kMaxIdFile = 8192;  // those of /sys say that they have a page
constexpr std::size_t kMachineIdLength = 32;

std::string_view first_line(std::string_view text) {
  return base::trim(text.substr(0, std::min(text.find('\n'), text.size())));
}

/// 32 hexadecimal digits with the dashes of a UUID.
std::string with_dashes(std::string_view digits) {
  std::string uuid(digits);
  for (const std::size_t at : {8U, 13U, 18U, 23U}) uuid.insert(at, 1, '-');
  return uuid;
}

/// What cannot be read says nothing.
std::string content(env::Files& files, const char* path) {
  Result<std::string> text = files.read(path, kMaxIdFile);
  return text.ok() ? *std::move(text) : std::string();
}

std::string new_node_id(env::Env& env, const agent::Config& config) {
  if (!config.disable_host_node_id) {
    const std::string product = content(env.files(), "/sys/class/dmi/id/product_uuid");
    const std::string machine = content(env.files(), "/etc/machine-id");
    if (auto id = node_id_of_host(product, machine)) return *std::move(id);
    env.log().write(Level::kWarn, "agent",
                    "this machine has no ID of its own that can be read (product_uuid is for root only, "
                    "/etc/machine-id for all): the node gets a random one");
  }
  return env::random_uuid(env.random());
}

}  // namespace

std::optional<std::string> node_id_of_host(std::string_view product_uuid, std::string_view machine_id) {
  std::string host(first_line(product_uuid));
  if (host.empty() && first_line(machine_id).size() == kMachineIdLength) {
    host = with_dashes(first_line(machine_id));
  }
  host = base::to_lower(host);
  if (!base::is_uuid(host)) return std::nullopt;
  return with_dashes(std::string_view(base::sha512_hex(host)).substr(0, kMachineIdLength));
}

Result<std::string> find_node_id(env::Env& env, const agent::Config& config) {
  if (!config.node_id.empty()) return config.node_id;
  if (config.dev_mode || config.data_dir.empty()) return new_node_id(env, config);
  const std::string path = config.data_dir + "/node-id";
  const Result<std::string> kept = env.files().read(path, kMaxIdFile);
  if (kept.ok()) {
    std::string id(base::trim(*kept));
    if (base::is_uuid(id)) return id;
    return invalid_argument("the file " + path +
                            " does not hold a node ID (a UUID); remove it to get a new one");
  }
  if (kept.status().code() != Code::kNotFound) return kept.status();
  std::string id = new_node_id(env, config);
  if (Status written = env.files().replace(path, id); !written.ok()) return written;
  return id;
}

}  // namespace discovery::api
