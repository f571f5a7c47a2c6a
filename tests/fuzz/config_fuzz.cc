// What operators write: configuration files and fragments of both languages, the command line, templates of
// addresses; and the bodies that the command line's commands lay out. The first byte says which. No crash;
// what is refused has a reason; and the same text means the same when it is read again, as a reload does.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/cli/reply.h"
#include "daemon/config/address_template.h"
#include "daemon/config/load.h"
#include "daemon/config/merge.h"
#include "daemon/config/resolve.h"
#include "lib/hcl/hcl.h"
#include "tests/fuzz/readers.h"

namespace {

using namespace discovery;  // NOLINT: a program of its own

void require(bool condition) {
  if (!condition) std::abort();
}

std::vector<config::InterfaceAddress> interfaces() {
  return {{.name = "lo", .address = "127.0.0.1", .prefix = 8, .up = true, .loopback = true},
          {.name = "eth0", .address = "10.1.2.3", .prefix = 24, .up = true, .is_default = true},
          {.name = "eth1", .address = "2001:db8::1", .prefix = 64, .up = true}};
}

config::Host machine() {
  return {[] { return Result<std::string>("machine"); },
          [] { return Result<std::vector<std::string>>({"10.1.2.3"}); },
          [] { return Result<std::vector<std::string>>({"2001:db8::1"}); },
          [] { return std::optional<std::uint64_t>(1024); },
          [] { return Result<std::vector<config::InterfaceAddress>>(interfaces()); }};
}

/// The parts between NUL bytes.
std::vector<std::string> split(std::string_view input) {
  std::vector<std::string> parts;
  for (std::size_t end = 0; end != std::string_view::npos;) {
    end = input.find('\0');
    parts.emplace_back(input.substr(0, end));
    if (end != std::string_view::npos) input.remove_prefix(end + 1);
  }
  return parts;
}

void load(const config::AgentFlags& flags) {
  const auto loaded = config::load_agent_config(flags, machine());
  if (!loaded.ok()) return require(!loaded.status().message().empty());
  const auto again = config::load_agent_config(flags, machine());
  require(again.ok() && config::waiting_for_restart(loaded->config, again->config).empty());
  require(agent::validate(config::reloaded(loaded->config, again->config)).ok());
}

void read_fragments(std::string_view input) {
  config::AgentFlags flags;
  flags.dev = true;
  flags.fragments = split(input);
  load(flags);
}

void read_json_files(std::string_view input) {
  config::Merge merge;
  for (const std::string& text : split(input)) {
    const auto value = hcl::parse_json(text);
    if (!value.ok() || value->as_object() == nullptr) return;
    if (const Status status = merge.add("a.json", *value); !status.ok()) {
      return require(!status.message().empty());
    }
  }
  std::vector<std::string> warnings;
  const auto resolved = config::resolve(merge.draft(), machine(), merge.problems(), warnings);
  if (!resolved.ok()) return require(!resolved.status().message().empty());
  if (!agent::validate(*resolved).ok()) return;
  require(config::waiting_for_restart(*resolved, *resolved).empty());
}

void read_arguments(std::string_view input) {
  const std::vector<std::string> args = split(input);
  const auto flags = config::parse_agent_flags(args);
  if (!flags.ok()) return require(!flags.status().message().empty());
  if (flags->config_paths.empty()) load(*flags);  // the disk is left alone
}

void read_template(std::string_view input) {
  const auto expanded = config::expand_address_template(input, interfaces());
  if (!expanded.ok()) require(!expanded.status().message().empty());
  if (!config::is_address_template(input)) require(!expanded.ok() || *expanded == input);
}

void read_answer(std::string_view input) {
  const auto document = cli::parse_reply(input);
  if (!document.ok()) return;
  const auto pretty = cli::lay_out(input, true);
  const auto plain = cli::lay_out(input, false);
  require(pretty.ok() && plain.ok());
  require(*cli::lay_out(*pretty, false) == *plain && *cli::lay_out(*plain, true) == *pretty);
  require(cli::parse_reply(*plain).ok() && cli::parse_reply(cli::to_text(*document)).ok());
  (void)cli::text_of(*document, "Key");
  (void)cli::number_of(*document, "Flags");
  (void)cli::pairs_of(*document, "Meta");
  if (document->IsArray()) (void)cli::texts_in(*document);
}

constexpr std::array<fuzz::Reader, 5> kReaders{read_fragments, read_json_files, read_arguments, read_template,
                                               read_answer};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return discovery::fuzz::read_by_first_byte(kReaders, data, size);
}
