#include "daemon/cli/cli.h"

#include <catch2/catch.hpp>

#include <discovery/version.h>

#include "tests/daemon/cli_fake_agent.h"

namespace discovery::cli {
namespace {

using testing::run_cli;
using testing::Surroundings;

TEST_CASE("cli: help of the whole", "[cli]") {
  for (const std::string flag : {"-h", "-help", "--help"}) {
    const auto run = run_cli({flag});
    CHECK(run.code == 0);
    CHECK(run.err == "");
    CHECK(run.out.starts_with(
        "Usage: discoveryd [--version] [--help] <command> [<args>]\n\nAvailable commands are:\n"));
    CHECK(run.out.find("    kv             Reads and writes the key-value store\n") != std::string::npos);
    CHECK(run.out.find("    kv get") == std::string::npos);
    CHECK(run.out.find("snapshot") == std::string::npos);
  }
}

TEST_CASE("cli: no command or one that nobody knows", "[cli]") {
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{}, {"bogus"}, {"bogus", "-h"}, {"--", "kv"}, {""}}) {
    const auto run = run_cli(args);
    CHECK(run.code == 127);
    CHECK(run.out == "");
    CHECK(run.err.find("Available commands are:\n") != std::string::npos);
  }
}

TEST_CASE("cli: commands of Consul's that are not there yet", "[cli]") {
  for (const std::string name : {"acl", "rtt", "snapshot", "operator"}) {
    for (const std::vector<std::string>& args :
         std::vector<std::vector<std::string>>{{name}, {name, "-x", "y"}, {name, "-h"}}) {
      const auto run = run_cli(args);
      CHECK(run.code == 1);
      CHECK(run.out == "");
      CHECK(run.err == "discoveryd: the command \"" + name + "\" is not available yet\n");
    }
  }
  CHECK(run_cli({"services", "export"}).err ==
        "discoveryd: the command \"services export\" is not available yet\n");
}

TEST_CASE("cli: a group", "[cli]") {
  const auto alone = run_cli({"kv"});
  CHECK(alone.code == 1);
  CHECK(alone.out.empty());
  CHECK(alone.err.find("Subcommands:\n    delete    Deletes keys\n    export    ") != std::string::npos);
  const auto help = run_cli({"kv", "-h"});
  CHECK(help.code == 0);
  CHECK(help.out == alone.err);
  CHECK(help.err.empty());
  const auto unknown = run_cli({"kv", "bogus"});
  CHECK(unknown.code == 1);
  CHECK(unknown.err == alone.err);
}

TEST_CASE("cli: help of a command", "[cli]") {
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"kv", "get", "-h"}, {"kv", "get", "-recurse", "a", "--help"}, {"-help", "kv", "get"}}) {
    const auto run = run_cli(args);
    CHECK(run.code == 0);
    CHECK(run.err == "");
    CHECK(run.out.starts_with("Usage: discoveryd kv get [options] [KEY_OR_PREFIX]\n"));
    CHECK(run.out.find("\nCommand Options\n\n  -base64\n") != std::string::npos);
    CHECK(run.out.find("\nHTTP API Options\n\n  -ca-file=<path>\n") != std::string::npos);
    CHECK(run.out.back() == '\n');
    CHECK_FALSE(run.out.ends_with("\n\n"));
  }
}

TEST_CASE("cli: every listed command explains itself", "[cli]") {
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"catalog", "datacenters"},
                                             {"catalog", "nodes"},
                                             {"catalog", "services"},
                                             {"kv", "delete"},
                                             {"kv", "get"},
                                             {"kv", "put"},
                                             {"services", "deregister"},
                                             {"services", "register"},
                                             {"version"}}) {
    auto with_help = args;
    with_help.emplace_back("-h");
    const auto run = run_cli(with_help);
    std::string name;
    for (const std::string& word : args) name += word + " ";
    INFO(name);
    CHECK(run.code == 0);
    CHECK(run.out.starts_with("Usage: discoveryd " + name));
    std::istringstream lines(run.out);
    for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 90);
  }
}

TEST_CASE("cli: an unknown flag", "[cli]") {
  const auto run = run_cli({"kv", "get", "-bogus", "a"});
  CHECK(run.code == 1);
  CHECK(run.out == "");
  CHECK(run.err.starts_with("flag provided but not defined: -bogus\nUsage: discoveryd kv get "));
}

TEST_CASE("cli: a flag before the command", "[cli]") {
  const auto run = run_cli({"-token=x", "kv", "get", "a"});
  CHECK(run.code == 1);
  CHECK(run.err.starts_with("Invalid flag before the command: -token=x"));
}

TEST_CASE("cli: version", "[cli]") {
  const std::string expected = "discoveryd v" + std::string(version()) +
                               "\nProtocol 2 spoken by default, understands 2 to 3 (agent will automatically "
                               "use protocol >2 when speaking to "
                               "compatible agents)\n";
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"version"}, {"-v"}, {"--version"}, {"-version"}, {"version", "-format=pretty"}, {"-v", "kv"}}) {
    const auto run = run_cli(args);
    CHECK(run.code == 0);
    CHECK(run.out == expected);
    CHECK(run.err == "");
  }
  CHECK(run_cli({"version", "-format", "json"}).out ==
        "{\n   \"Version\": \"" + std::string(version()) +
            "\",\n   \"Revision\": \"\",\n   \"Prerelease\": \"\",\n   \"RPC\": {\n"
            "      \"Default\": 2,\n      \"Min\": 2,\n      \"Max\": 3\n   }\n}\n");
  const auto bad = run_cli({"version", "-format=xml"});
  CHECK(bad.code == 1);
  CHECK(bad.err == "Unknown format: xml\n");
}

TEST_CASE("cli: the agent gets its own arguments", "[cli]") {
  std::vector<std::string> got;
  Surroundings around;
  around.run_agent = [&](std::span<const std::string> args) {
    got.assign(args.begin(), args.end());
    return 42;
  };
  CHECK(run_cli({"agent", "-dev", "-v", "kv"}, around).code == 42);
  CHECK(got == std::vector<std::string>{"-dev", "-v", "kv"});
  CHECK(run_cli({"agent", "-dev", "-h"}, around).code == 42);
  CHECK(got == std::vector<std::string>{"-help"});
}

}  // namespace
}  // namespace discovery::cli
