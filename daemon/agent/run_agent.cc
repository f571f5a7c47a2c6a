#include "daemon/agent/run_agent.h"

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <memory>
#include <utility>

#include <discovery/version.h>

#include "daemon/agent/config_watch.h"
#include "daemon/agent/console_log.h"
#include "daemon/agent/main_loop.h"
#include "daemon/agent/pid_file.h"
#include "daemon/config/explain.h"
#include "daemon/config/files.h"
#include "daemon/config/flags.h"
#include "daemon/config/load.h"
#include "lib/api/embedded_agent.h"
#include "lib/env/log_tap.h"

namespace discovery {
namespace {

constexpr int kFailure = 1;
/// How often the files of a configuration are looked at that is reloaded when they change.
constexpr Duration kLookAtFiles = std::chrono::milliseconds(500);

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
  std::cerr << "==> " << config::explained(std::string(status.message()), {}) << "\n";
  return kFailure;
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
  if (!config.server) {
    log.write(Level::kWarn, "agent",
              "there are no client agents yet: this one keeps the state itself, as with server = true");
  }
  if (config.bootstrap_expect > 1) {
    log.write(Level::kWarn, "agent", "there are no clusters of servers yet: this one serves alone");
  }
  if (config.dev_mode) return;
  log.write(Level::kWarn, "agent",
            "DATA LIVE IN MEMORY ONLY: there is no durable log yet, and all of the catalog and the KV store "
            "is lost when this agent stops (data_dir " +
                config.data_dir + " keeps the node's ID and what was registered with this agent)");
}

/// What tells of changes of the files that `args` name.
ConfigWatch files_of(std::span<const std::string> args) {
  const Result<config::AgentFlags> flags = config::parse_agent_flags(args);
  if (!flags.ok()) return ConfigWatch([] { return std::string(); });
  return ConfigWatch([paths = flags->config_paths, format = flags->config_format] {
    return config::state_of_config_files(paths, format);
  });
}

/// One agent's life as a process: from its configuration to its exit code.
class AgentProcess {
 public:
  AgentProcess(std::vector<std::string> args, ConfigWatch files, config::LoadedConfig loaded, Level level)
      : args_(std::move(args)),
        files_(std::move(files)),
        running_(std::move(loaded.config)),
        warnings_(std::move(loaded.warnings)),
        log_(std::make_shared<ConsoleLog>(level, running_.log_json)) {}

  int run() {
    if (Status opened = open_logs(); !opened.ok()) return fail(opened);
    Result<PidFile> pid_file = PidFile::create(running_.pid_file);
    if (!pid_file.ok()) return fail(pid_file.status());
    raise_open_files_limit();
    auto loop = MainLoop::create();  // before any thread is made: they inherit what it blocks
    if (!loop.ok()) return fail(loop.status());
    loop_ = std::move(*loop);

    Environment environment;
    environment.log = log_;
    auto agent = api::EmbeddedAgent::start(running_, environment, host());
    if (!agent.ok()) {
      return fail({agent.status().code(), "Error starting agent: " + std::string(agent.status().message())});
    }
    print_banner(running_, (*agent)->facts(), std::cout);
    warn_at_start(running_, warnings_, *log_);
    log_->write(Level::kInfo, "agent", "started");
    if (running_.auto_reload_config) {
      loop_->every(kLookAtFiles, [this, &agent] { reload_if_changed(**agent); });
    }
    const int code = loop_->run([this, &agent](int signal) { on_signal(**agent, signal); });
    MainLoop::end_at_next_signal();  // who asks twice does not want to wait for what is being answered
    agent->reset();
    log_->write(Level::kInfo, "agent", "Exit code: " + std::to_string(code));
    return code;
  }

 private:
  Status open_logs() {
    if (!running_.log_file.empty()) {
      LogFile::Options files;
      files.path = running_.log_file;
      files.max_bytes = running_.log_rotate_bytes;
      if (running_.log_rotate_duration > Duration::zero()) files.max_age = running_.log_rotate_duration;
      files.max_files = running_.log_rotate_max_files;
      if (Status opened = log_->open(std::move(files)); !opened.ok()) return opened;
    }
    if (!running_.enable_syslog) return {};
    Syslog::Options syslog;
    syslog.facility = running_.syslog_facility;
    return log_->open(std::move(syslog));
  }

  void reload_if_changed(api::EmbeddedAgent& agent) {
    if (!files_.look()) return;
    log_->write(Level::kInfo, "agent", "the configuration's files have changed");
    agent.reload([this](const Status& status) {
      // Another reload was under way, and may have read what was there before.
      if (status.code() == Code::kFailedPrecondition) loop_->post([this] { files_.forget(); });
    });
  }

  api::AgentHost host() {
    return {.load_config =
                [this](const api::AgentHost::Loaded& done) { loop_->post([this, done] { done(load()); }); },
            .reloaded =
                [this](const agent::Config& config) {
                  if (const Result<Level> level = env::parse_level(config.log_level); level.ok()) {
                    log_->set_level(*level);
                  }
                  loop_->post([this, config] { running_ = config; });
                },
            .left = [this] { loop_->stop(0); }};
  }

  /// What the configuration is now: the running one with all that a reload may change.
  Result<agent::Config> load() {
    Result<config::LoadedConfig> loaded = config::load_agent_config(args_);
    if (!loaded.ok()) return loaded.status();
    if (const Result<Level> level = env::parse_level(loaded->config.log_level); !level.ok())
      return level.status();
    for (const std::string& warning : loaded->warnings) log_->write(Level::kWarn, "agent", warning);
    for (const std::string_view key : config::waiting_for_restart(running_, loaded->config)) {
      log_->write(Level::kWarn, "agent",
                  "the new value of " + std::string(key) + " counts from the next start on");
    }
    return config::reloaded(running_, loaded->config);
  }

  void on_signal(api::EmbeddedAgent& agent, int signal) {
    const std::string name = signal == SIGHUP ? "hangup" : signal == SIGINT ? "interrupt" : "terminated";
    log_->write(Level::kInfo, "agent", "Caught: signal=" + name);
    if (signal == SIGHUP) {
      agent.reload([](const Status&) {});  // what is wrong is in the log
      return;
    }
    const bool leaves = signal == SIGINT ? !running_.skip_leave_on_interrupt : running_.leave_on_terminate;
    log_->write(Level::kInfo, "agent",
                leaves ? "Gracefully shutting down agent..." : "Graceful shutdown disabled. Exiting");
    // A server that stops without leaving its cluster says so, as Consul's does.
    loop_->stop(leaves ? 0 : kFailure);
  }

  const std::vector<std::string> args_;
  ConfigWatch files_;
  agent::Config running_;
  const std::vector<std::string> warnings_;
  const std::shared_ptr<ConsoleLog> log_;
  std::unique_ptr<MainLoop> loop_;
};

}  // namespace

int run_agent(std::span<const std::string> args) {
  const auto wants_help = [](const std::string& arg) {
    return arg == "-h" || arg == "-help" || arg == "--help";
  };
  if (std::any_of(args.begin(), args.end(), wants_help)) {
    std::cout << config::agent_help();
    return 0;
  }
  const ConfigWatch files = files_of(args);  // before they are read
  const Result<config::LoadedConfig> loaded = config::load_agent_config(args);
  if (!loaded.ok()) return fail(loaded.status());
  const Result<Level> level = env::parse_level(loaded->config.log_level);
  if (!level.ok()) return fail(level.status());
  return AgentProcess({args.begin(), args.end()}, files, *loaded, *level).run();
}

}  // namespace discovery
