#include "lib/api/embedded_agent.h"

#include <algorithm>
#include <future>
#include <thread>
#include <utility>

#include "lib/api/agent_runtime.h"
#include "lib/api/settings.h"
#include "lib/base/uuid.h"
#include "lib/dns/udp_server.h"
#include "lib/env/asio_env.h"
#include "lib/env/random.h"

namespace discovery::api {
namespace {

constexpr std::size_t kMaxNodeIdFile = 1024;

/// Threads that answer DNS over UDP: one a processor, but no more than this, as each keeps answers of its
/// own.
constexpr unsigned kMaxDnsThreads = 4;

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// The node's id: as configured, else the one that was kept, else a new one that is kept from now on.
Result<std::string> find_node_id(env::Env& env, const agent::Config& config) {
  if (!config.node_id.empty()) return config.node_id;
  if (config.dev_mode || config.data_dir.empty()) return env::random_uuid(env.random());
  if (Status made = env.files().make_directory(config.data_dir); !made.ok()) return made;
  const std::string path = config.data_dir + "/node-id";
  Result<std::string> kept = env.files().read(path, kMaxNodeIdFile);
  if (kept.ok()) {
    std::string id = trimmed(*std::move(kept));
    if (base::is_uuid(id)) return id;
    return invalid_argument("the file " + path +
                            " does not hold a node ID (a UUID); remove it to get a new one");
  }
  if (kept.status().code() != Code::kNotFound) return kept.status();
  std::string id = env::random_uuid(env.random());
  if (Status written = env.files().replace(path, id); !written.ok()) return written;
  return id;
}

}  // namespace

/// The loop's thread owns everything but the env's outer shell: it builds, runs and takes down.
class EmbeddedAgent::Impl {
 public:
  Impl(std::unique_ptr<env::AsioEnv> env, std::shared_ptr<env::LogTap> log, AgentHost host, AgentUser user)
      : env_(std::move(env)), log_(std::move(log)), host_(std::move(host)), user_(std::move(user)) {}

  ~Impl() {
    if (!thread_.joinable()) return;
    env_->post([this] { stop(); });
    thread_.join();
  }

  Status start(agent::Config config) {
    std::promise<Status> started;
    std::future<Status> outcome = started.get_future();
    env_->post([this, config = std::make_unique<agent::Config>(std::move(config)), &started]() mutable {
      Status status = build(std::move(*config));
      if (!status.ok()) env_->stop();
      started.set_value(std::move(status));
    });
    thread_ = std::thread([this] {
      env_->run();
      udp_.clear();
      runtime_.reset();
    });
    return outcome.get();
  }

  void reload(AgentHost::Done done) {
    env_->post([this, done = std::move(done)] {
      if (!runtime_) return done(Status(Code::kCancelled, "the agent has stopped"));
      runtime_->control().reload({}).then([done](const Result<Unit>& result) { done(result.status()); });
    });
  }

  AgentFacts facts;

 private:
  Status build(agent::Config config) {
    Result<std::string> node_id = find_node_id(*env_, config);
    if (!node_id.ok()) return node_id.status();
    facts.node_id = *node_id;
    facts.advertised = advertised_address(config);
    AgentRuntime::Around around{host_, log_, [this](const std::shared_ptr<const dns::Zone>& zone) {
                                  for (const auto& server : udp_) server->set_zone(zone);
                                }};
    runtime_ = std::make_unique<AgentRuntime>(*env_, std::move(config), *node_id, std::move(around));
    if (Status status = runtime_->start(); !status.ok()) return status;
    facts.http = runtime_->http();
    facts.dns = runtime_->dns().at;
    for (const env::Endpoint& at : runtime_->dns().at) {
      dns::UdpServer::Setup setup;
      setup.at = at;
      setup.threads = std::clamp(std::thread::hardware_concurrency(), 1U, kMaxDnsThreads);
      setup.zone = runtime_->dns().zone;
      setup.backend = &runtime_->backend();
      setup.clock = &env_->clock();
      setup.recursor = runtime_->dns().recursor;
      setup.log = &env_->log();
      setup.seed = env_->random().next();
      auto server = dns::UdpServer::start(setup);
      if (!server.ok()) return server.status();
      udp_.push_back(*std::move(server));
    }
    if (user_.begin) user_.begin(*env_, *runtime_);
    return {};
  }

  void stop() {
    udp_.clear();
    if (!runtime_) return env_->stop();
    if (user_.end) user_.end();
    // Stopped in a turn of its own: what was posted before, such as its user's last words, is still run.
    runtime_->shutdown(kStopGrace, [this] { env_->post([this] { env_->stop(); }); });
  }

  std::unique_ptr<env::AsioEnv> env_;
  const std::shared_ptr<env::LogTap> log_;
  const AgentHost host_;
  const AgentUser user_;
  std::unique_ptr<AgentRuntime> runtime_;
  std::vector<std::unique_ptr<dns::UdpServer>> udp_;
  std::thread thread_;
};

Result<std::unique_ptr<EmbeddedAgent>> EmbeddedAgent::start(agent::Config config, Environment environment,
                                                            AgentHost host, AgentUser user) {
  const auto log = std::make_shared<env::LogTap>(std::move(environment.log));
  environment.log = log;
  auto env = env::AsioEnv::create(environment);
  if (!env.ok()) return env.status();
  auto impl = std::make_unique<Impl>(*std::move(env), log, std::move(host), std::move(user));
  if (Status status = impl->start(std::move(config)); !status.ok()) return status;
  return std::unique_ptr<EmbeddedAgent>(new EmbeddedAgent(std::move(impl)));
}

EmbeddedAgent::EmbeddedAgent(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EmbeddedAgent::~EmbeddedAgent() = default;

void EmbeddedAgent::reload(AgentHost::Done done) { impl_->reload(std::move(done)); }

const AgentFacts& EmbeddedAgent::facts() const noexcept { return impl_->facts; }

}  // namespace discovery::api
