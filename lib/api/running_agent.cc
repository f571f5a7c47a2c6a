#include "lib/api/running_agent.h"

#include <unistd.h>

#include <array>
#include <utility>

#include <asio/version.hpp>

#include "lib/agent/config.h"
#include "lib/api/remote_stack.h"
#include "lib/api/server_stack.h"
#include "lib/env/log_tap.h"

namespace discovery::api {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

/// Reads "127.0.0.1:8500" into a port and the addresses of one listener; an empty text turns it off.
Status read_listener(const char* option, const std::string& text, int& port,
                     std::vector<std::string>& addresses) {
  port = agent::kPortOff;
  if (text.empty()) return {};
  const auto endpoint = env::Endpoint::parse(text, 0);
  if (!endpoint)
    return invalid_argument(std::string("AgentOptions::") + option + ": \"" + text +
                            "\" is no IP address with a port, such as \"127.0.0.1:8500\"");
  port = endpoint->port;
  addresses = {endpoint->address};
  return {};
}

Result<agent::Config> to_config(const AgentOptions& options) {
  agent::Config config;
  config.node_name = options.node.empty() ? host_name() : options.node;
  config.datacenter = options.datacenter;
  config.data_dir = options.data_dir;
  config.dev_mode = options.data_dir.empty();
  config.server = true;
  config.bootstrap = true;
  config.bind_addr = options.advertise;
  config.enable_script_checks = options.enable_script_checks;
  config.node_meta = {options.node_meta.begin(), options.node_meta.end()};
  if (const auto warnings = agent::validate(config); !warnings.ok()) return warnings.status();
  // After that: port 0, a free one, can be asked for here only.
  Status http = read_listener("http_listen", options.http_listen, config.ports.http, config.addresses.http);
  if (!http.ok()) return http;
  Status dns = read_listener("dns_listen", options.dns_listen, config.ports.dns, config.addresses.dns);
  if (!dns.ok()) return dns;
  return config;
}

remote::Options to_remote(AgentOptions options) {
  remote::Options remote;
  remote.urls = std::move(options.remote_urls);
  remote.token = std::move(options.token);
  remote.cache_dir = std::move(options.data_dir);
  remote.tls.verify = !options.tls.skip_verify;
  remote.tls.ca_file = std::move(options.tls.ca_file);
  remote.tls.cert_file = std::move(options.tls.cert_file);
  remote.tls.key_file = std::move(options.tls.key_file);
  remote.tls_server_name = std::move(options.tls.server_name);
  return remote;
}

/// What makes the stack of an agent with these options. `log` is what its env logs to.
Result<MakeStack> stack_maker(const AgentOptions& options, std::shared_ptr<env::LogTap> log) {
  if (options.mode == Mode::kRemote) {
    return MakeStack([remote = std::make_unique<remote::Options>(to_remote(options))](
                         env::Env& env) -> Result<std::unique_ptr<AgentStack>> {
      return std::unique_ptr<AgentStack>(std::make_unique<RemoteStack>(env, std::move(*remote)));
    });
  }
  Result<agent::Config> config = to_config(options);
  if (!config.ok()) return config.status();
  return MakeStack([config = std::make_unique<agent::Config>(*std::move(config)),
                    log = std::move(log)](env::Env& env) -> Result<std::unique_ptr<AgentStack>> {
    return std::unique_ptr<AgentStack>(
        std::make_unique<ServerStack>(env, std::move(*config), AgentHost(), log));
  });
}

}  // namespace

Result<std::unique_ptr<RunningAgent>> RunningAgent::start(const AgentOptions& options,
                                                          Environment environment) {
  if (environment.io_context != nullptr && environment.asio_version != ASIO_VERSION) {
    return Status(Code::kFailedPrecondition, "the host's Asio is version " +
                                                 std::to_string(environment.asio_version) +
                                                 ", the library's " + std::to_string(ASIO_VERSION));
  }
  const auto log = std::make_shared<env::LogTap>(std::move(environment.log));
  environment.log = log;
  auto make = stack_maker(options, log);
  if (!make.ok()) return make.status();
  std::unique_ptr<RunningAgent> self(new RunningAgent(environment.executor));
  if (environment.io_context != nullptr) {
    auto env = env::AsioEnv::create(environment);
    if (!env.ok()) return env.status();
    self->env_ = *std::move(env);
    if (Status status = self->begin_on(*self->env_, *std::move(make)); !status.ok()) return status;
    return self;
  }
  StackThread::Hooks hooks;
  hooks.begin = [raw = self.get()](env::Env& env, AgentStack& stack) { raw->begin(env, stack); };
  hooks.end = [core = self->core_] { core->detach(); };
  auto thread = StackThread::start(environment, *std::move(make), std::move(hooks));
  if (!thread.ok()) return thread.status();
  self->thread_ = *std::move(thread);
  return self;
}

Result<std::unique_ptr<RunningAgent>> RunningAgent::start_on(env::Env& env, const AgentOptions& options,
                                                             std::shared_ptr<Executor> executor) {
  auto make = stack_maker(options, nullptr);
  if (!make.ok()) return make.status();
  std::unique_ptr<RunningAgent> self(new RunningAgent(std::move(executor)));
  if (Status status = self->begin_on(env, *std::move(make)); !status.ok()) return status;
  return self;
}

Status RunningAgent::begin_on(env::Env& env, MakeStack make) {
  auto stack = make(env);
  if (!stack.ok()) return stack.status();
  stack_ = *std::move(stack);
  if (Status status = stack_->start(); !status.ok()) return status;
  begin(env, *stack_);
  return {};
}

void RunningAgent::begin(env::Env& env, AgentStack& stack) {
  http_ = stack.http_address();
  dns_ = stack.dns_address();
  AgentCore::Parts parts = stack.parts();
  parts.env = &env;
  core_->attach(parts);
}

RunningAgent::~RunningAgent() {
  if (stack_) core_->detach();  // a thread's hooks do it there
}

}  // namespace discovery::api
