#include "daemon/cli/cli.h"

#include <algorithm>
#include <array>
#include <optional>

#include "daemon/cli/commands.h"
#include "daemon/cli/format.h"
#include "lib/base/strings.h"

namespace discovery::cli {
namespace {

/// What kind of row of the table a command is.
enum class Kind {
  kAgent,        ///< runs the agent
  kCommand,      ///< made by its factory
  kGroup,        ///< only has commands below it
  kUnavailable,  ///< a command of Consul's that is not there yet; not listed
};

struct Entry {
  std::string_view name;  ///< words separated by one space
  Kind kind;
  std::string_view synopsis{};
  CommandFactory make = nullptr;
};

/// Every command, sorted by name as it is listed.
constexpr std::array kCommands{
    Entry{"acl", Kind::kUnavailable},
    Entry{"agent", Kind::kAgent, "Runs the agent"},
    Entry{"catalog", Kind::kGroup, "Shows the catalog of nodes and services"},
    Entry{"catalog datacenters", Kind::kCommand, "Lists the datacenters", &make_catalog_datacenters},
    Entry{"catalog nodes", Kind::kCommand, "Lists the nodes of a datacenter", &make_catalog_nodes},
    Entry{"catalog services", Kind::kCommand, "Lists the services of a datacenter", &make_catalog_services},
    Entry{"config", Kind::kUnavailable},
    Entry{"connect", Kind::kUnavailable},
    Entry{"debug", Kind::kUnavailable},
    Entry{"event", Kind::kCommand, "Fires an event at the nodes of a datacenter", &make_event},
    Entry{"exec", Kind::kUnavailable},
    Entry{"force-leave", Kind::kCommand, "Takes a failed member for one that has left", &make_force_leave},
    Entry{"info", Kind::kCommand, "Shows the inner state of the agent", &make_info},
    Entry{"intention", Kind::kUnavailable},
    Entry{"join", Kind::kCommand, "Lets the agent join a cluster", &make_join},
    Entry{"keygen", Kind::kUnavailable},
    Entry{"keyring", Kind::kUnavailable},
    Entry{"kv", Kind::kGroup, "Reads and writes the key-value store"},
    Entry{"kv delete", Kind::kCommand, "Deletes keys", &make_kv_delete},
    Entry{"kv export", Kind::kCommand, "Prints keys as JSON", &make_kv_export},
    Entry{"kv get", Kind::kCommand, "Reads and lists keys", &make_kv_get},
    Entry{"kv import", Kind::kCommand, "Writes keys from JSON", &make_kv_import},
    Entry{"kv put", Kind::kCommand, "Writes a key", &make_kv_put},
    Entry{"leave", Kind::kCommand, "Lets the agent leave its cluster and end", &make_leave},
    Entry{"lock", Kind::kCommand, "Runs a program while it holds a lock", &make_lock},
    Entry{"login", Kind::kUnavailable},
    Entry{"logout", Kind::kUnavailable},
    Entry{"maint", Kind::kCommand, "Shows, enables or disables maintenance", &make_maint},
    Entry{"members", Kind::kCommand, "Lists the members of the cluster", &make_members},
    Entry{"monitor", Kind::kCommand, "Shows the log of the agent as it goes on", &make_monitor},
    Entry{"operator", Kind::kUnavailable},
    Entry{"peering", Kind::kUnavailable},
    Entry{"reload", Kind::kCommand, "Lets the agent read its configuration anew", &make_reload},
    Entry{"resource", Kind::kUnavailable},
    Entry{"rtt", Kind::kUnavailable},
    Entry{"services", Kind::kGroup, "Registers services with the agent"},
    Entry{"services deregister", Kind::kCommand, "Takes services off the agent", &make_services_deregister},
    Entry{"services export", Kind::kUnavailable},
    Entry{"services exported-services", Kind::kUnavailable},
    Entry{"services register", Kind::kCommand, "Registers services with the agent", &make_services_register},
    Entry{"session", Kind::kGroup, "Shows, creates and ends sessions"},
    Entry{"session create", Kind::kCommand, "Creates a session", &make_session_create},
    Entry{"session destroy", Kind::kCommand, "Ends a session", &make_session_destroy},
    Entry{"session info", Kind::kCommand, "Shows a session", &make_session_info},
    Entry{"session list", Kind::kCommand, "Lists the sessions of a datacenter", &make_session_list},
    Entry{"session renew", Kind::kCommand, "Renews a session that has a TTL", &make_session_renew},
    Entry{"snapshot", Kind::kUnavailable},
    Entry{"tls", Kind::kUnavailable},
    Entry{"troubleshoot", Kind::kUnavailable},
    Entry{"validate", Kind::kCommand, "Checks configuration files", &make_validate},
    Entry{"version", Kind::kCommand, "Prints the version", &make_version},
    Entry{"watch", Kind::kCommand, "Shows something, or runs a program at each change of it", &make_watch},
};

const Entry* find(std::string_view name) {
  const auto at = std::find_if(kCommands.begin(), kCommands.end(),
                               [&](const Entry& entry) { return entry.name == name; });
  return at == kCommands.end() ? nullptr : &*at;
}

bool is_help(std::string_view arg) { return arg == "-h" || arg == "-help" || arg == "--help"; }
bool is_version(std::string_view arg) { return arg == "-v" || arg == "-version" || arg == "--version"; }

/// What the arguments ask for.
struct Request {
  const Entry* entry = nullptr;         ///< null: no command, or one that is not known
  std::span<const std::string> args{};  ///< behind the command
  bool help = false;                    ///< "-h" anywhere before a "--"
  bool version = false;                 ///< "-v" before the command
  std::optional<std::string> flag{};    ///< another flag before the command
  bool named = false;                   ///< there is a command, known or not
};

Request parse(std::span<const std::string> args) {
  Request request;
  for (std::size_t i = 0; i < args.size() && args[i] != "--"; ++i) {
    const std::string& arg = args[i];
    if (is_help(arg)) {
      request.help = true;
    } else if (request.named || arg.empty()) {
      continue;
    } else if (is_version(arg)) {
      request.version = true;
    } else if (arg[0] == '-') {
      request.flag = arg;
    } else {
      request.named = true;
      request.entry = find(arg);
      request.args = args.subspan(i + 1);
      if (request.entry == nullptr || request.args.empty()) continue;
      if (const Entry* below = find(arg + " " + request.args[0]); below != nullptr) {
        request.entry = below;
        request.args = request.args.subspan(1);
      }
    }
  }
  return request;
}

/// The commands directly below `group` (all top-level ones if it is empty), with their synopses.
std::string listing(std::string_view group) {
  const std::string prefix = group.empty() ? "" : std::string(group) + " ";
  std::vector<std::vector<std::string>> rows;
  for (const Entry& entry : kCommands) {
    if (entry.kind == Kind::kUnavailable || !entry.name.starts_with(prefix)) continue;
    const std::string_view name = entry.name.substr(prefix.size());
    if (name.find(' ') == std::string_view::npos) {
      rows.push_back({"    " + std::string(name), std::string(entry.synopsis)});
    }
  }
  constexpr std::size_t kGap = 4;
  return columns(rows, kGap) + "\n";
}

std::string overview() {
  return "Usage: discoveryd [--version] [--help] <command> [<args>]\n\nAvailable commands are:\n" +
         listing("");
}

std::string group_help(const Entry& group) {
  const std::string name(group.name);
  return "Usage: discoveryd " + name + " <subcommand> [options] [args]\n\n  " + std::string(group.synopsis) +
         ". \"discoveryd " + name + " <subcommand> -h\" explains a subcommand.\n\nSubcommands:\n" +
         listing(name);
}

std::string command_help(const Command& command, const FlagSet& flags) {
  const std::string help = std::string(command.usage()) + "\n" + flags.usage();
  return std::string(base::trim(help)) + "\n";
}

int run_command(Command& command, bool help, std::span<const std::string> args, Context& context) {
  FlagSet flags;
  command.declare(flags);
  if (help) {
    context.out << command_help(command, flags);
    return kExitSuccess;
  }
  const Result<std::vector<std::string>> positional = flags.parse(args);
  if (!positional.ok()) {
    fail(context, positional.status().message());
    return fail(context, command_help(command, flags));
  }
  return command.run(context, *positional);
}

int run_entry(const Request& request, Context& context, const AgentRunner& run_agent) {
  const Entry& entry = *request.entry;
  switch (entry.kind) {
    case Kind::kAgent:
      if (request.help) return run_agent(std::array<std::string, 1>{"-help"});
      return run_agent(request.args);
    case Kind::kCommand:
      return run_command(*entry.make(), request.help, request.args, context);
    case Kind::kGroup:
      (request.help ? context.out : context.err) << group_help(entry);
      return request.help ? kExitSuccess : kExitFailure;
    case Kind::kUnavailable:
      return fail(context,
                  "discoveryd: the command \"" + std::string(entry.name) + "\" is not available yet");
  }
  return kExitFailure;
}

}  // namespace

int run(std::span<const std::string> args, Context& context, const AgentRunner& run_agent) {
  const Request request = parse(args);
  if (request.version) return run_command(*make_version(), false, {}, context);
  if (request.help && !request.named) {
    context.out << overview();
    return kExitSuccess;
  }
  if (request.entry == nullptr) {
    context.err << overview();
    return kExitUnknownCommand;
  }
  if (request.flag && !request.help) {
    return fail(context, "Invalid flag before the command: " + *request.flag +
                             ". If it is a flag of the command, put it behind the command.");
  }
  return run_entry(request, context, run_agent);
}

}  // namespace discovery::cli
