#include "daemon/config/explain.h"

#include <algorithm>
#include <array>
#include <utility>

namespace discovery::config {
namespace {

constexpr std::string_view kWhere = "\n    where: ";
constexpr std::string_view kToDo = "\n    to do: ";
/// So many places are listed at most.
constexpr std::size_t kMaxPlaces = 8;

struct Cure {
  std::string_view part;  ///< of a message
  std::string_view cure;
};

/// The first that fits counts.
constexpr std::array kCures = {
    Cure{"invalid syslog facility",
         "write LOCAL0 to LOCAL7, DAEMON, USER, AUTH or another facility of syslog(3)"},
    Cure{"Syslog setup did not succeed",
         "start the system's log (journald, rsyslog), or leave out enable_syslog (-syslog)"},
    Cure{"HTTP: cannot listen on",
         "-http-port (ports.http), -client and addresses.http say where HTTP listens"},
    Cure{"DNS: cannot listen on", "-dns-port (ports.dns), -client and addresses.dns say where DNS listens"},
    Cure{"HTTP: invalid", "give unix_sockets.user and unix_sockets.group a user and a group of this machine"},
    Cure{"HTTP: cannot set the",
         "unix_sockets.user, .group and .mode need the right to give the socket away"},
    Cure{"Could not write pid file",
         "give -pid-file (pid_file) a file in a directory that this user can write"},
    Cure{"cannot open the log file",
         "give -log-file (log_file) a file in a directory that this user can write"},
    Cure{"cannot make the directory",
         "give -data-dir (data_dir) a directory that this user can make and write"},
    Cure{"invalid config key", "correct or remove the key; keys are in snake_case"},
    Cure{"expected type 'bool'", "write true or false, without quotes"},
    Cure{"expected type 'int'", "write a whole number, without quotes"},
    Cure{"expected type 'float64'", "write a number, without quotes"},
    Cure{"expected type 'uint", "write a whole number, without quotes"},
    Cure{"overflows uint", "write a number that is not negative"},
    Cure{"is out of range", "write a smaller number"},
    Cure{"expected type 'string'", "write a text in quotes; durations too, as in \"10s\""},
    Cure{"must be an array or slice", "write a list: [\"...\", \"...\"]"},
    Cure{"expected a map", "write one block or object: name { ... }"},
    Cure{"invalid duration", "write a number with its unit, such as \"300ms\", \"10s\", \"5m\" or \"72h\""},
    Cure{"telemetry.", "write host:port, such as \"127.0.0.1:8125\""},
    Cure{"invalid port", "give a port from 1 to 65535, or -1 to switch the listener off"},
    Cure{"must be less than", "set both ends of the range, the smaller first"},
    Cure{"already configured for", "give each listener an address or a port of its own"},
    Cure{"bind_addr cannot contain multiple", "keep one address in bind_addr"},
    Cure{": error parsing ",
         "correct the template, as in {{ GetInterfaceIP \"eth0\" }}, or write the address itself"},
    Cure{"bind_addr", "give one IP address of this machine, or 0.0.0.0 for all"},
    Cure{"multiple addresses found", "keep one of the addresses"},
    Cure{"Advertise", "give the address by which other agents reach this one"},
    Cure{"must be an ipv4 address", "give an IPv4 address, such as 10.0.0.1"},
    Cure{"must be an ipv6 address", "give an IPv6 address, such as 2001:db8::1"},
    Cure{"cannot be a unix socket", "give an IP address; only addresses.http may be a unix:// path"},
    Cure{"cannot be unix sockets", "give IP addresses of name servers"},
    Cure{"recursor address", "give the IP address of a name server, with a port if it is not 53"},
    Cure{"recursor_strategy", "write sequential or random"},
    Cure{"invalid ip address", "give an IP address, not a name"},
    Cure{"private IPv4 address",
         "set -bind or -advertise (bind_addr, advertise_addr) to this machine's address"},
    Cure{"public IPv6 address",
         "set -bind or -advertise (bind_addr, advertise_addr) to this machine's address"},
    Cure{"data_dir cannot be empty", "set -data-dir=<path> or data_dir, or use -dev to keep nothing"},
    Cure{"is not a directory", "give data_dir a directory, or a path where one can be made"},
    Cure{"Error getting info on data_dir", "give data_dir a directory that this user can read and write"},
    Cure{"datacenter can", "use lower-case letters, digits, - and _"},
    Cure{"Failed to setup node ID", "give node_id a UUID, or leave it out to get one"},
    Cure{"node_name", "give the node a name of letters, digits and dashes"},
    Cure{"node_meta", "at most 64 pairs; keys of letters, digits, - and _, not beginning with consul-"},
    Cure{"Node metadata", "at most 64 pairs; keys of letters, digits, - and _, not beginning with consul-"},
    Cure{"mutually exclusive", "keep one of the two"},
    Cure{"not allowed in dev mode", "leave out -dev, or bootstrap_expect: -dev elects itself"},
    Cure{"requires 'server = true'", "set server = true (-server), or leave the key out"},
    Cure{"can only be used on a client", "leave it out, or set server = false"},
    Cure{"can only be used on a server", "leave it out, or set server = true"},
    Cure{"for server agents", "leave it out, or set server = false"},
    Cure{"cannot be set to true", "keep one of the two"},
    Cure{"bootstrap_expect", "give the number of servers of the cluster, 1 or more"},
    Cure{"raft_multiplier", "give a number from 1 to 10"},
    Cure{"raft_protocol", "write 3, or leave it out"},
    Cure{"alt_domain cannot start", "choose another alt_domain"},
    Cure{"domain", "give a DNS name such as example.consul"},
    Cure{"Must be greater than or equal to zero", "give 0 or more"},
    Cure{"must be positive", "give a number above 0"},
    Cure{"reconnect_timeout", "give 8h or more"},
    Cure{"encrypt", "give 16, 24 or 32 random bytes in base64"},
    Cure{"ui-content-path", "use letters, digits, -, _ and /, and no part like v1"},
    Cure{"CA provider", "write consul, vault or aws-pca"},
    Cure{"log level", "write trace, debug, info, warn or err"},
    Cure{"log_level", "write trace, debug, info, warn or err"},
    Cure{"invalid cidr", "write networks such as \"10.0.0.0/8\""},
    Cure{"Invalid weight definition", "give weights.passing 1 or more, and weights.warning 0 or more"},
    Cure{"file descriptors", "raise the limit of open files (ulimit -n), or lower the key"},
    Cure{"stanza", "move the key to a stanza that has it, or remove it"},
    Cure{"unknown extension", "name the file .hcl or .json, or give -config-format"},
    Cure{"-config-format", "write -config-format=hcl or -config-format=json"},
    Cure{"Open failed", "give the path of a file or directory that exists and can be read"},
    Cure{"is longer than", "split the file"},
    Cure{"no such file", "give the path of a file or directory that exists"},
    Cure{"Scripts are disabled", "set enable_local_script_checks = true to allow them in files"},
    Cure{"Only one watch handler", "keep one handler"},
    Cure{"Must define a watch handler",
         "add args = [\"program\"], or handler_type = \"http\" with http_handler_config"},
    Cure{"Unsupported watch type", "use key, keyprefix, services, nodes, service, checks or event"},
    Cure{"Failed to parse watch", "add what this type of watch needs"},
    Cure{"watch", "correct the watch"},
    Cure{"Failed to register check", "correct the definition of the check"},
    Cure{"Failed to register service", "correct the definition of the service"},
    Cure{"Failed to validate checks", "correct the checks of the service"},
    Cure{"invalid meta for service", "correct the metadata of the service"},
    Cure{"cannot unmarshal", "write one object: { ... }"},
    Cure{"unexpected end of JSON input", "the text ends too early: close what is open"},
    Cure{"failed to parse", "correct the syntax at that place"},
    Cure{"flag provided but not defined", "discoveryd agent -help lists the flags"},
    Cure{"flag needs an argument", "put the value behind the flag: -flag=value"},
    Cure{"bad flag syntax", "write -flag or -flag=value"},
    Cure{"invalid boolean value", "write -flag, -flag=true or -flag=false"},
    Cure{"invalid value", "discoveryd agent -help says what the flag takes"},
    Cure{"Unexpected extra arguments", "flags begin with a dash, and lists are given flag by flag"},
};

std::string_view cure_of(std::string_view message) {
  const auto* const at = std::find_if(kCures.begin(), kCures.end(), [&](const Cure& row) {
    return message.find(row.part) != std::string_view::npos;
  });
  return at == kCures.end() ? std::string_view() : at->cure;
}

}  // namespace

std::string explained(std::string message, const std::vector<std::string>& places) {
  const bool has_cure = message.find(kToDo) != std::string::npos;
  const std::string_view cure = has_cure ? std::string_view() : cure_of(message);
  if (places.empty() && cure.empty()) return message;
  std::vector<std::string_view> listed;
  for (const std::string& place : places) {
    if (std::find(listed.begin(), listed.end(), place) == listed.end()) listed.push_back(place);
  }
  for (std::size_t i = 0; i < std::min(listed.size(), kMaxPlaces); ++i) {
    message += i == 0 ? kWhere : std::string_view(", ");
    message += listed[i];
  }
  if (listed.size() > kMaxPlaces) message += " and " + std::to_string(listed.size() - kMaxPlaces) + " more";
  if (!cure.empty()) message.append(kToDo).append(cure);
  return message;
}

std::string_view without_explanation(std::string_view explained) {
  return explained.substr(0, std::min(explained.find(kWhere), explained.find(kToDo)));
}

}  // namespace discovery::config
