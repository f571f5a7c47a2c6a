#include "daemon/agent/run_agent.h"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <memory>
#include <utility>

#include <discovery/version.h>

#include "daemon/agent/console_log.h"
#include "daemon/agent/pid_file.h"
#include "daemon/config/load.h"
#include "lib/api/embedded_agent.h"

namespace discovery {
namespace {

constexpr int kFailure = 1;

std::string port_text(int port) { return std::to_string(port); }

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

void print_banner(const agent::Config& config, const api::AgentFacts& facts, std::ostream& out) {
  const auto yes_no = [](bool value) { return value ? "true" : "false"; };
  out << "==> Starting discoveryd...\n"
      << "           Version: '" << version() << "'\n"
      << "           Node ID: '" << facts.node_id << "'\n"
      << "         Node name: '" << config.node_name << "'\n"
      << "        Datacenter: '" << config.datacenter << "' (Segment: '<all>')\n"
      << "            Server: " << yes_no(config.server) << " (Bootstrap: " << yes_no(config.bootstrap)
      << ")\n"
      << "       Client Addr: [" << joined(config.client_addr) << "] (HTTP: " << port_text(config.ports.http)
      << ", HTTPS: " << port_text(config.ports.https) << ", gRPC: " << port_text(config.ports.grpc)
      << ", DNS: " << port_text(config.ports.dns) << ")\n"
      << "      Cluster Addr: " << facts.advertised << " (LAN: " << port_text(config.ports.serf_lan)
      << ", WAN: " << port_text(config.ports.serf_wan) << ")\n"
      << "           Encrypt: Gossip: false, TLS-Outgoing: false, TLS-Incoming: false, Auto-Encrypt-TLS: "
         "false\n"
      << "\n==> Log data will now stream in as it occurs:\n\n"
      << std::flush;
}

int fail(const Status& status) {
  std::cerr << "==> " << status.message() << "\n";
  return kFailure;
}

/// The signals that end the agent or speak to it. Blocked in all threads, and waited for in one.
sigset_t agent_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  return set;
}

/// Waits until a signal says stop; returns its name.
std::string wait_for_end(const sigset_t& signals, LogSink& log) {
  while (true) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal == SIGINT) return "interrupt";
    if (signal == SIGTERM) return "terminated";
    log.write(Level::kWarn, "agent",
              "Caught signal: hangup; reloading the configuration is not available yet");
  }
}

/// Watchers are connections: an agent may open as many files as the system lets it.
void raise_open_files_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void warn_at_start(const agent::Config& config, const std::vector<std::string>& warnings, LogSink& log) {
  for (const std::string& warning : warnings) log.write(Level::kWarn, "agent", warning);
  if (!config.services.empty() || !config.checks.empty()) {
    log.write(Level::kWarn, "agent",
              "services and checks in configuration files are not registered yet: use PUT "
              "/v1/agent/service/register");
  }
  if (config.dev_mode) return;
  log.write(Level::kWarn, "agent",
            "DATA LIVE IN MEMORY ONLY: there is no durable log yet, and all of the catalog and the KV store "
            "is lost when "
            "this agent stops (data_dir " +
                config.data_dir + " keeps the node's ID alone)");
}

}  // namespace

int run_agent(std::span<const std::string> args) {
  const auto wants_help = [](const std::string& arg) {
    return arg == "-h" || arg == "-help" || arg == "--help";
  };
  if (std::any_of(args.begin(), args.end(), wants_help)) {
    std::cout << config::agent_help();
    return 0;
  }
  Result<config::LoadedConfig> loaded = config::load_agent_config(args);
  if (!loaded.ok()) {
    std::cerr << "==> " << loaded.status().message() << "\n    (discoveryd agent --help lists the flags)\n";
    return kFailure;
  }
  agent::Config& settings = loaded->config;
  const Result<Level> level = parse_level(settings.log_level);
  if (!level.ok()) return fail(level.status());

  const auto log = std::make_shared<ConsoleLog>(*level, settings.log_json);
  if (!settings.log_file.empty()) {
    if (Status opened = log->open(settings.log_file); !opened.ok()) return fail(opened);
  }
  Result<PidFile> pid_file = PidFile::create(settings.pid_file);
  if (!pid_file.ok()) return fail(pid_file.status());

  raise_open_files_limit();
  const sigset_t signals = agent_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread is made: they inherit it

  Environment environment;
  environment.log = log;
  auto agent = api::EmbeddedAgent::start(settings, environment);
  if (!agent.ok()) {
    std::cerr << "==> Error starting agent: " << agent.status().message() << "\n";
    return kFailure;
  }
  print_banner(settings, (*agent)->facts(), std::cout);
  warn_at_start(settings, loaded->warnings, *log);
  log->write(Level::kInfo, "agent", "started");
  const std::string why = wait_for_end(signals, *log);
  log->write(Level::kInfo, "agent", "Caught signal: " + why);
  agent->reset();
  log->write(Level::kInfo, "agent", "Exit code: 1");
  return kFailure;  // a server that stops without leaving its cluster says so, as Consul's does
}

}  // namespace discovery
