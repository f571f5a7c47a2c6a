#include "daemon/config/load.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "daemon/agent/syslog.h"
#include "daemon/config/explain.h"
#include "daemon/config/files.h"
#include "daemon/config/keys.h"
#include "daemon/config/merge.h"
#include "daemon/config/resolve.h"
#include "lib/base/strings.h"
#include "lib/hcl/hcl.h"

namespace discovery::config {
namespace {

/// What `-dev` means. Its timing is the agent's own matter.
constexpr std::string_view kDevDefaults = R"(
  bind_addr = "127.0.0.1"
  disable_anonymous_signature = true
  disable_keyring_file = true
  enable_debug = true
  log_level = "DEBUG"
  server = true
  connect { enabled = true }
  performance { raft_multiplier = 1 }
  ports { grpc = 8502 }
)";

std::string_view json_kind_of(const hcl::Value& value) {
  switch (value.kind()) {
    case hcl::Value::Kind::kBool:
      return "bool";
    case hcl::Value::Kind::kString:
      return "string";
    case hcl::Value::Kind::kList:
      return "array";
    default:
      return "number";
  }
}

/// ":7" where the message of a parser says "7:3"; else nothing.
std::string line_in(std::string_view message) {
  constexpr std::string_view kDigits = "0123456789";
  for (std::size_t begin = 0; (begin = message.find_first_of(kDigits, begin)) != std::string_view::npos;) {
    const std::size_t end = std::min(message.find_first_not_of(kDigits, begin), message.size());
    const bool has_column = end + 1 < message.size() && message[end] == ':' &&
                            kDigits.find(message[end + 1]) != std::string_view::npos;
    if (has_column) return ":" + std::string(message.substr(begin, end - begin));
    begin = end;
  }
  return "";
}

/// Adds one text; an empty one says nothing.
Status add_text(Merge& merge, const std::string& name, bool is_json, const std::string& text) {
  if (text.empty()) return {};
  const Result<hcl::Value> parsed = is_json ? hcl::parse_json(text) : hcl::parse_hcl(text);
  if (!parsed.ok()) {
    const std::string message(parsed.status().message());
    return {parsed.status().code(),
            explained("failed to parse " + name + ": " + message, {name + line_in(message)})};
  }
  if (parsed->is_null()) return {};
  if (parsed->as_object() == nullptr) {
    return invalid_argument(explained("failed to parse " + name + ": json: cannot unmarshal " +
                                          std::string(json_kind_of(*parsed)) +
                                          " into Go value of type map[string]interface {}",
                                      {name + ":1"}));
  }
  return merge.add(name, *parsed);
}

Status add_sources(Merge& merge, const AgentFlags& flags, std::vector<std::string>& warnings) {
  if (flags.dev) {
    const Result<hcl::Value> defaults = hcl::parse_hcl(kDevDefaults);
    if (!defaults.ok()) return defaults.status();
    merge.add_defaults(*defaults);
  }
  if (Status status = merge.add_flags(flags.lists); !status.ok()) return status;
  for (const std::string& path : flags.config_paths) {
    const auto files = read_config_files(path, flags.config_format, warnings);
    if (!files.ok()) {
      return {files.status().code(), explained(std::string(files.status().message()), {path})};
    }
    for (const ConfigFile& file : *files) {
      if (Status status = add_text(merge, file.path, file.is_json, file.text); !status.ok()) return status;
    }
  }
  if (Status status = merge.add_flags(flags.scalars); !status.ok()) return status;
  for (std::size_t i = 0; i < flags.fragments.size(); ++i) {
    const std::string name = "flags-" + std::to_string(i) + ".hcl";
    if (Status status = add_text(merge, name, false, flags.fragments[i]); !status.ok()) return status;
  }
  return {};
}

Status check_data_dir(const agent::Config& config) {
  if (config.dev_mode) return {};
  std::error_code error;
  const auto status = std::filesystem::status(config.data_dir, error);
  if (status.type() == std::filesystem::file_type::not_found) return {};
  if (error) return invalid_argument("Error getting info on data_dir: " + base::to_lower(error.message()));
  if (std::filesystem::is_directory(status)) return {};
  return invalid_argument("data_dir " + base::go_quote(config.data_dir) + " is not a directory");
}

/// Every connection is an open file, and some more are needed anyway.
Status check_open_files(const agent::Config& config, const Host& host) {
  constexpr std::uint64_t kOwnFiles = 20;
  const int connections = config.limits.http_max_conns_per_client;
  const auto most = host.max_open_files();
  if (connections <= 0 || !most) return {};
  const std::uint64_t needed = static_cast<std::uint64_t>(connections) + kOwnFiles;
  if (*most >= needed) return {};
  return invalid_argument("system allows a max of " + std::to_string(*most) +
                          " file descriptors, but limits.http_max_conns_per_client: " +
                          std::to_string(connections) + " needs at least " + std::to_string(needed));
}

/// Leaves an eighth of the files that may be open to others than clients over HTTP: DNS, checks, what is
/// kept.
void share_open_files(agent::Config& config, const Host& host) {
  constexpr std::uint64_t kShare = 8;
  constexpr std::uint64_t kMostLeft = 2048;
  if (const auto most = host.max_open_files()) {
    const std::uint64_t left = *most - std::min(*most / kShare, kMostLeft);
    config.limits.http_max_conns = std::min<std::uint64_t>(config.limits.http_max_conns, left);
  }
}

/// Makes of what the sources say a configuration that is complete and makes sense.
Result<LoadedConfig> complete(const Merge& merge, bool dev_mode, const Host& host, LoadedConfig loaded) {
  loaded.warnings.insert(loaded.warnings.end(), merge.warnings().begin(), merge.warnings().end());

  Draft draft = merge.draft();
  draft.dev_mode = dev_mode;
  Result<agent::Config> config = resolve(std::move(draft), host, merge.problems(), loaded.warnings);
  if (!config.ok()) return config.status();
  loaded.config = std::move(*config);

  Result<std::vector<std::string>> warnings = agent::validate(loaded.config);
  if (!warnings.ok()) return warnings.status();
  loaded.warnings.insert(loaded.warnings.end(), warnings->begin(), warnings->end());
  if (Status status = check_data_dir(loaded.config); !status.ok()) return status;
  if (Status status = check_open_files(loaded.config, host); !status.ok()) return status;
  share_open_files(loaded.config, host);
  if (const auto facility = Syslog::facility_number(loaded.config.syslog_facility);
      loaded.config.enable_syslog && !facility.ok()) {
    return invalid_argument("syslog_facility: " + std::string(facility.status().message()));
  }
  return loaded;
}

/// A mistake with the places it speaks of. Those of single values were noted when they were found.
Status located(const Status& mistake, const Merge& merge) {
  std::vector<std::string> places = merge.problem_places();
  for (std::string& place : merge.places_in(mistake.message())) places.push_back(std::move(place));
  return {mistake.code(), explained(std::string(mistake.message()), places)};
}

}  // namespace

Result<LoadedConfig> load_agent_config(const AgentFlags& flags, const Host& host) {
  LoadedConfig loaded;
  Merge merge;
  if (Status status = add_sources(merge, flags, loaded.warnings); !status.ok()) return status;
  Result<LoadedConfig> completed = complete(merge, flags.dev, host, std::move(loaded));
  if (!completed.ok()) return located(completed.status(), merge);
  return completed;
}

Result<LoadedConfig> load_agent_config(std::span<const std::string> args) {
  const Result<AgentFlags> flags = parse_agent_flags(args);
  if (!flags.ok()) return Status(flags.status().code(), explained(std::string(flags.status().message()), {}));
  return load_agent_config(*flags, this_host());
}

agent::Config reloaded(const agent::Config& running, const agent::Config& fresh) {
  Draft result{running};
  const Draft source{fresh};
  for (std::size_t row = 0; row < agent_schema().size(); ++row) {
    const AgentKey& key = agent_key(row);
    if (key.effect == Effect::kReload) key.copy(result, source);
  }
  return static_cast<agent::Config&&>(result);
}

std::vector<std::string_view> waiting_for_restart(const agent::Config& running, const agent::Config& fresh) {
  using C = agent::Config;
  const Draft before{running};
  const Draft after{fresh};
  std::vector<std::string_view> keys;
  for (std::size_t row = 0; row < agent_schema().size(); ++row) {
    const AgentKey& key = agent_key(row);
    if (key.effect == Effect::kStatic && key.same != nullptr && !key.same(before, after)) {
      keys.push_back(key.key.path);
    }
  }
  // What sources say of these is not what the configuration holds.
  if (running.client_addr != fresh.client_addr) keys.emplace_back("client_addr");
  for (const auto& [name, member] : {std::pair("addresses.dns", &agent::AddressesConfig::dns),
                                     std::pair("addresses.http", &agent::AddressesConfig::http)}) {
    if (running.addresses.*member != fresh.addresses.*member) keys.emplace_back(name);
  }
  for (const auto& [name, member] :
       {std::pair("leave_on_terminate", &C::leave_on_terminate),
        std::pair("skip_leave_on_interrupt", &C::skip_leave_on_interrupt),
        std::pair("enable_local_script_checks", &C::enable_local_script_checks)}) {
    if (running.*member != fresh.*member) keys.emplace_back(name);
  }
  return keys;
}

}  // namespace discovery::config
