#include "daemon/config/flags.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "daemon/cli/flags.h"
#include "daemon/cli/format.h"
#include "daemon/config/keys.h"
#include "lib/base/go_number.h"

namespace discovery::config {
namespace {

using hcl::Value;

/// Under which title of the help a flag stands.
enum class Topic : std::uint8_t {
  kSources,
  kNode,
  kServer,
  kAddresses,
  kPorts,
  kJoining,
  kLog,
  kChecks,
  kApi,
  kOther
};

constexpr std::array<std::pair<Topic, std::string_view>, 10> kTitles{{
    {Topic::kSources, "Where the configuration comes from"},
    {Topic::kNode, "The node"},
    {Topic::kServer, "Servers"},
    {Topic::kAddresses, "Addresses"},
    {Topic::kPorts, "Ports"},
    {Topic::kJoining, "Joining other agents"},
    {Topic::kLog, "Log"},
    {Topic::kChecks, "Checks"},
    {Topic::kApi, "HTTP, DNS and user interface"},
    {Topic::kOther, "Other"},
}};

/// A flag that says the same as a key of the configuration, and is of its type.
struct KeyFlag {
  std::string_view name;
  std::string_view placeholder;  ///< empty for booleans
  std::string_view key;
  Topic topic;
  std::string_view help;
};

constexpr KeyFlag kKeyFlags[] = {
    {"node", "name", "node_name", Topic::kNode,
     "Name of this node, unique in its datacenter. Default: the host's name."},
    {"node-id", "uuid", "node_id", Topic::kNode,
     "Identity of this node for all time. Default: made once and kept in the data directory."},
    {"node-meta", "key:value", "node_meta", Topic::kNode, "A pair of metadata of this node. Repeatable."},
    {"datacenter", "name", "datacenter", Topic::kNode, "Datacenter of this node. Default: dc1."},
    {"data-dir", "path", "data_dir", Topic::kNode, "Directory for everything that outlives a restart."},
    {"pid-file", "path", "pid_file", Topic::kNode, "File to write the process id to."},
    {"disable-host-node-id", "", "disable_host_node_id", Topic::kNode,
     "Do not derive the node's identity from the machine. Default: true."},

    {"server", "", "server", Topic::kServer, "Be a server: keep the replicated state. Default: false."},
    {"bootstrap", "", "bootstrap", Topic::kServer,
     "Let this server elect itself; for a first or only server."},
    {"bootstrap-expect", "number", "bootstrap_expect", Topic::kServer,
     "Wait for that many servers before the first election."},
    {"protocol", "version", "protocol", Topic::kServer, "Version of the protocol between agents."},
    {"raft-protocol", "version", "raft_protocol", Topic::kServer,
     "Version of the Raft protocol. Default: 3."},
    {"read-replica", "", "read_replica", Topic::kServer, "(Consul Enterprise) Replicate without a vote."},
    {"non-voting-server", "", "non_voting_server", Topic::kServer,
     "(Consul Enterprise) Former name of -read-replica."},

    {"bind", "address", "bind_addr", Topic::kAddresses,
     "Address of the ports between agents. Default: 0.0.0.0."},
    {"client", "addresses", "client_addr", Topic::kAddresses,
     "Addresses of the client interfaces (HTTP, DNS), separated by spaces. Default: 127.0.0.1."},
    {"advertise", "address", "advertise_addr", Topic::kAddresses,
     "Address under which other agents find this one. Default: the address of -bind, or the machine's only "
     "private "
     "IPv4 address."},
    {"advertise-wan", "address", "advertise_addr_wan", Topic::kAddresses,
     "The same for agents of other datacenters. Default: the address of -advertise."},
    {"serf-lan-bind", "address", "serf_lan", Topic::kAddresses, "Address of gossip in the datacenter."},
    {"serf-wan-bind", "address", "serf_wan", Topic::kAddresses, "Address of gossip between datacenters."},
    {"serf-lan-allowed-cidrs", "network", "serf_lan_allowed_cidrs", Topic::kAddresses,
     "Network whose agents may take part in gossip in the datacenter. Repeatable."},
    {"serf-wan-allowed-cidrs", "network", "serf_wan_allowed_cidrs", Topic::kAddresses,
     "Network whose agents may take part in gossip between datacenters. Repeatable."},

    {"http-port", "port", "ports.http", Topic::kPorts, "Port of the HTTP API; -1 for none. Default: 8500."},
    {"https-port", "port", "ports.https", Topic::kPorts, "Port of the HTTPS API. Default: -1, none."},
    {"dns-port", "port", "ports.dns", Topic::kPorts, "Port of DNS, UDP and TCP; -1 for none. Default: 8600."},
    {"grpc-port", "port", "ports.grpc", Topic::kPorts, "Port of the gRPC API. Default: -1, none."},
    {"grpc-tls-port", "port", "ports.grpc_tls", Topic::kPorts, "Port of the gRPC API over TLS."},
    {"server-port", "port", "ports.server", Topic::kPorts,
     "Port for requests between agents. Default: 8300."},
    {"serf-lan-port", "port", "ports.serf_lan", Topic::kPorts,
     "Port of gossip in the datacenter. Default: 8301."},
    {"serf-wan-port", "port", "ports.serf_wan", Topic::kPorts,
     "Port of gossip between datacenters; -1 for none. Default: 8302."},

    {"join", "address", "start_join", Topic::kJoining, "An agent to join at the start. Repeatable."},
    {"join-wan", "address", "start_join_wan", Topic::kJoining,
     "A server of another datacenter to join at the start. Repeatable."},
    {"retry-join", "address", "retry_join", Topic::kJoining,
     "An agent to join, again and again. Repeatable."},
    {"retry-join-wan", "address", "retry_join_wan", Topic::kJoining,
     "A server of another datacenter to join, again and again. Repeatable."},
    {"retry-interval", "duration", "retry_interval", Topic::kJoining, "Time between attempts. Default: 30s."},
    {"retry-interval-wan", "duration", "retry_interval_wan", Topic::kJoining,
     "Time between attempts of -retry-join-wan. Default: 30s."},
    {"retry-max", "number", "retry_max", Topic::kJoining, "Number of attempts. Default: 0, for ever."},
    {"retry-max-wan", "number", "retry_max_wan", Topic::kJoining,
     "Number of attempts of -retry-join-wan. Default: 0, for ever."},
    {"rejoin", "", "rejoin_after_leave", Topic::kJoining, "Join again after having left in good order."},
    {"primary-gateway", "address", "primary_gateways", Topic::kJoining,
     "A mesh gateway of the primary datacenter. Repeatable."},
    {"encrypt", "key", "encrypt", Topic::kJoining, "Key of gossip, in base64."},
    {"disable-keyring-file", "", "disable_keyring_file", Topic::kJoining,
     "Do not keep the keys of gossip in a file."},
    {"segment", "name", "segment", Topic::kJoining, "(Consul Enterprise) Network segment to join."},

    {"log-level", "level", "log_level", Topic::kLog, "trace, debug, info, warn or err. Default: info."},
    {"log-json", "", "log_json", Topic::kLog, "Write lines of JSON."},
    {"log-file", "path", "log_file", Topic::kLog,
     "File, or directory with a '/' at its end, to write to as well."},
    {"log-rotate-bytes", "bytes", "log_rotate_bytes", Topic::kLog, "Size at which a new file is begun."},
    {"log-rotate-duration", "duration", "log_rotate_duration", Topic::kLog,
     "Age at which a new file is begun. Default: 24h."},
    {"log-rotate-max-files", "number", "log_rotate_max_files", Topic::kLog,
     "Number of old files to keep. Default: all."},
    {"syslog", "", "enable_syslog", Topic::kLog, "Write to the system's log as well."},

    {"enable-script-checks", "", "enable_script_checks", Topic::kChecks, "Let checks run programs."},
    {"enable-local-script-checks", "", "enable_local_script_checks", Topic::kChecks,
     "Let checks that are defined in configuration files run programs."},
    {"check_output_max_size", "bytes", "check_output_max_size", Topic::kChecks,
     "How much of a check's output is kept. Default: 4096."},

    {"default-query-time", "duration", "default_query_time", Topic::kApi,
     "How long a blocking query waits that does not say so. Default: 5m."},
    {"max-query-time", "duration", "max_query_time", Topic::kApi,
     "How long one waits at most. Default: 10m."},
    {"allow-write-http-from", "network", "http_config.allow_write_http_from", Topic::kApi,
     "Network from which the HTTP API takes writes. Repeatable. Default: any."},
    {"domain", "name", "domain", Topic::kApi, "Domain of DNS. Default: consul."},
    {"alt-domain", "name", "alt_domain", Topic::kApi, "A second one."},
    {"recursor", "address", "recursors", Topic::kApi, "DNS server for all other names. Repeatable."},
    {"ui", "", "ui_config.enabled", Topic::kApi, "Serve the web user interface."},
    {"ui-dir", "path", "ui_config.dir", Topic::kApi, "Directory with another user interface."},
    {"ui-content-path", "path", "ui_config.content_path", Topic::kApi,
     "Where the user interface is served. Default: /ui/."},

    {"auto-reload-config", "", "auto_reload_config", Topic::kOther,
     "Reload the configuration when its files change."},
};

/// The value of a flag as the schema wants it for keys of the type.
Result<Value> value_of(Type type, const std::string& text) {
  switch (type) {
    case Type::kBool: {
      const Result<bool> parsed = base::parse_go_bool(text);
      if (!parsed.ok()) return parsed.status();
      return Value(*parsed);
    }
    case Type::kInt:
    case Type::kInt64: {
      const Result<std::int64_t> parsed = base::parse_go_atoi(text);
      if (!parsed.ok()) return parsed.status();
      if (type == Type::kInt && !std::in_range<std::int32_t>(*parsed)) {
        return invalid_argument("strconv.Atoi: parsing \"" + text + "\": value out of range");
      }
      return Value(*parsed);
    }
    case Type::kStrings:
      return Value(Value::List{Value(text)});
    case Type::kStringMap: {
      const std::size_t colon = text.find(':');
      const std::string value = colon == std::string::npos ? "" : text.substr(colon + 1);
      return Value(Value::Object{{text.substr(0, colon), Value(value)}});
    }
    default:
      return Value(text);
  }
}

/// The member of that name, which is made `otherwise` if there is none.
Value& member(Value::Object& members, std::string_view name, Value otherwise) {
  auto at = std::find_if(members.begin(), members.end(),
                         [&](const hcl::Member& member) { return member.key == name; });
  if (at == members.end()) at = members.insert(members.end(), {std::string(name), std::move(otherwise)});
  return at->value;
}

/// The value at the dotted path of a key of the schema; what is missing on the way is made.
Value& place(Value& object, std::string_view path) {
  const std::size_t dot = path.find('.');
  Value::Object& members = *object.as_object();
  if (dot == std::string_view::npos) return member(members, path, Value());
  return place(member(members, path.substr(0, dot), Value(Value::Object())), path.substr(dot + 1));
}

/// Puts a flag's value where earlier uses of the flag may have left one: lists and maps grow.
void put(Value& target, Value value) {
  if (target.as_list() != nullptr && value.as_list() != nullptr) {
    target.as_list()->push_back(std::move(value.as_list()->front()));
  } else if (target.as_object() != nullptr && value.as_object() != nullptr) {
    hcl::Member& pair = value.as_object()->front();  // its key is the user's, dots and all
    member(*target.as_object(), pair.key, Value()) = std::move(pair.value);
  } else {
    target = std::move(value);
  }
}

void declare(cli::FlagSet& set, const KeyFlag& flag, AgentFlags& flags) {
  const Type type = agent_schema().key(*agent_schema().find(flag.key)).type;
  Value& object = is_list(type) ? flags.lists : flags.scalars;
  set.add({flag.name, flag.placeholder, flag.help}, type == Type::kBool,
          [&object, &flag, type](const std::string& text) {
            Result<Value> value = value_of(type, text);
            if (value.ok()) put(place(object, flag.key), std::move(*value));
            return value.status();
          });
}

constexpr std::string_view kIntroduction =
    "Usage: discoveryd agent [options]\n"
    "\n"
    "  Runs an agent until it is interrupted. It serves Consul's HTTP API and DNS interface; as a server it "
    "keeps\n"
    "  the replicated state as well. What flags can say, and much more, can be said in configuration "
    "files.\n";

/// The flags that are no keys of the configuration.
constexpr cli::FlagText kDev = {"dev", "",
                                "Run a server for development: alone, in memory, on the loopback address."};
constexpr cli::FlagText kConfigFile = {"config-file", "path", "File to read (.hcl or .json). Repeatable."};
constexpr cli::FlagText kConfigDir = {
    "config-dir", "path",
    "Directory whose .hcl and .json files are read in the order of their names. "
    "Repeatable."};
constexpr cli::FlagText kConfigFormat = {"config-format", "format",
                                         "Read all files as hcl, or as json, whatever their names are."};
constexpr cli::FlagText kFragment = {"hcl", "text",
                                     "Configuration in HCL, which counts over everything else. Repeatable."};
constexpr cli::FlagText kHelp = {"help", "", "Show this text."};

void append_help(std::string& out, std::string_view name, std::string_view placeholder,
                 std::string_view help) {
  constexpr std::size_t kIndent = 6;
  constexpr std::size_t kWidth = 80;
  out += "  -" + std::string(name);
  if (!placeholder.empty()) out += "=<" + std::string(placeholder) + ">";
  out += "\n" + cli::wrap(help, kIndent, kWidth) + "\n";
}

}  // namespace

Result<AgentFlags> parse_agent_flags(std::span<const std::string> args) {
  AgentFlags flags;
  cli::FlagSet set;
  set.add(kDev, flags.dev);
  set.add(kConfigFile, flags.config_paths);
  set.add(kConfigDir, flags.config_paths);
  set.add(kConfigFormat, flags.config_format);
  set.add(kFragment, flags.fragments);
  set.add(kHelp, flags.help);
  set.add({"h", "", kHelp.help}, flags.help);
  for (const KeyFlag& flag : kKeyFlags) declare(set, flag, flags);

  const Result<std::vector<std::string>> rest = set.parse(args);
  if (!rest.ok()) return rest.status();
  if (!rest->empty() && !flags.help) {
    return invalid_argument("Unexpected extra arguments: [" + cli::join(*rest, " ") + "]");
  }
  if (!flags.config_format.empty() && flags.config_format != "hcl" && flags.config_format != "json") {
    return invalid_argument("config: -config-format must be either 'hcl' or 'json'");
  }
  return flags;
}

std::string_view flag_of(std::string_view path) {
  const auto* const at = std::find_if(std::begin(kKeyFlags), std::end(kKeyFlags),
                                      [&](const KeyFlag& flag) { return flag.key == path; });
  return at == std::end(kKeyFlags) ? path : at->name;
}

std::string agent_help() {
  std::string out(kIntroduction);
  for (const auto& [topic, title] : kTitles) {
    out += "\n" + std::string(title) + "\n\n";
    if (topic == Topic::kSources) {
      for (const cli::FlagText& flag : {kConfigFile, kConfigDir, kConfigFormat, kFragment, kDev, kHelp}) {
        append_help(out, flag.name, flag.placeholder, flag.help);
      }
    }
    for (const KeyFlag& flag : kKeyFlags) {
      if (flag.topic == topic) append_help(out, flag.name, flag.placeholder, flag.help);
    }
  }
  return out;
}

}  // namespace discovery::config
