#include <unistd.h>

#include <array>
#include <thread>
#include <utility>

#include <discovery/agent.h>

#include "lib/agent/config.h"
#include "lib/api/agent_core.h"
#include "lib/api/agent_runtime.h"
#include "lib/api/embedded_agent.h"
#include "lib/env/env.h"

namespace discovery::inline v0 {
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
  if (Status status =
          read_listener("http_listen", options.http_listen, config.ports.http, config.addresses.http);
      !status.ok())
    return status;
  if (Status status = read_listener("dns_listen", options.dns_listen, config.ports.dns, config.addresses.dns);
      !status.ok())
    return status;
  return config;
}

std::string first_of(const std::vector<env::Endpoint>& endpoints) {
  return endpoints.empty() ? std::string() : endpoints.front().to_string();
}

}  // namespace

/// What an agent is made of: the handles' way in, and what they lead to.
class Agent::Impl {
 public:
  Impl(std::shared_ptr<api::AgentCore> core, std::unique_ptr<api::EmbeddedAgent> embedded)
      : core_(std::move(core)), embedded_(std::move(embedded)) {
    http_ = first_of(embedded_->facts().http);
    dns_ = first_of(embedded_->facts().dns);
  }

  const std::shared_ptr<api::AgentCore>& core() const noexcept { return core_; }
  const std::string& http() const noexcept { return http_; }
  const std::string& dns() const noexcept { return dns_; }

 private:
  const std::shared_ptr<api::AgentCore> core_;
  const std::unique_ptr<api::EmbeddedAgent> embedded_;
  std::string http_, dns_;
};

Result<std::unique_ptr<Agent>> Agent::start(AgentOptions options, Environment environment) {
  Result<agent::Config> config = to_config(options);
  if (!config.ok()) return config.status();
  const auto core = api::AgentCore::create(environment.executor);
  api::AgentUser user;
  user.begin = [core](env::Env& env, api::AgentRuntime& agent) {
    core->attach({&env, &agent.backend(), &agent.local_agent()});
  };
  user.end = [core] { core->detach(); };
  auto embedded = api::EmbeddedAgent::start(*std::move(config), std::move(environment), {}, std::move(user));
  if (!embedded.ok()) return embedded.status();
  return std::unique_ptr<Agent>(new Agent(std::make_unique<Impl>(core, *std::move(embedded))));
}

Agent::Agent(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Agent::~Agent() {
  if (!impl_->core()->on_loop()) return;
  // The loop cannot wait for itself: somebody else ends it, once this callback is over.
  std::thread([impl = std::move(impl_)]() mutable { impl.reset(); }).detach();
}

Registry Agent::registry() const { return Registry(impl_->core()); }
KVStore Agent::kv() const { return KVStore(impl_->core()); }

Async<std::string> Agent::node() const {
  return impl_->core()->ask<std::string>(
      {}, api::CallKind::kRead, [](const api::AgentCore::Parts& parts, api::Completion<std::string> done) {
        done(parts.local->self().node_name);
      });
}

const std::string& Agent::http_address() const noexcept { return impl_->http(); }
const std::string& Agent::dns_address() const noexcept { return impl_->dns(); }

}  // namespace discovery::inline v0
