#include "lib/api/server_stack.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>
#include <utility>

#include "lib/api/settings.h"
#include "lib/base/uuid.h"
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

std::string first_of(const std::vector<env::Endpoint>& endpoints) {
  return endpoints.empty() ? std::string() : endpoints.front().to_string();
}

}  // namespace

ServerStack::ServerStack(env::Env& env, agent::Config config, AgentHost host,
                         std::shared_ptr<env::LogTap> log)
    : env_(env), config_(std::move(config)), host_(std::move(host)), log_(std::move(log)) {}

Status ServerStack::take_data_dir() {
  if (config_.dev_mode || config_.data_dir.empty()) return {};
  if (Status made = env_.files().make_directory(config_.data_dir); !made.ok()) return made;
  Result<std::shared_ptr<void>> lock = env_.files().lock_directory(config_.data_dir);
  if (!lock.ok()) return lock.status();
  data_dir_lock_ = *std::move(lock);
  return {};
}

Status ServerStack::start() {
  if (Status status = take_data_dir(); !status.ok()) return status;
  Result<std::string> node_id = find_node_id(env_, config_);
  if (!node_id.ok()) return node_id.status();
  facts_.node_id = *node_id;
  facts_.advertised = advertised_address(config_);
  AgentRuntime::Around around{host_, log_, [this](const std::shared_ptr<const dns::Zone>& zone) {
                                for (const auto& server : udp_) server->set_zone(zone);
                              }};
  runtime_ = std::make_unique<AgentRuntime>(env_, std::move(config_), *node_id, std::move(around));
  if (Status status = runtime_->start(); !status.ok()) return status;
  facts_.http = runtime_->http();
  facts_.dns = runtime_->dns().at;
  return serve_dns();
}

Status ServerStack::serve_dns() {
  for (const env::Endpoint& at : facts_.dns) {
    dns::UdpServer::Setup setup;
    setup.at = at;
    setup.threads = std::clamp(std::thread::hardware_concurrency(), 1U, kMaxDnsThreads);
    setup.zone = runtime_->dns().zone;
    setup.backend = &runtime_->backend();
    setup.clock = &env_.clock();
    setup.recursor = runtime_->dns().recursor;
    setup.log = &env_.log();
    setup.seed = env_.random().next();
    auto server = dns::UdpServer::start(setup);
    if (!server.ok()) return server.status();
    udp_.push_back(*std::move(server));
  }
  return {};
}

void ServerStack::shutdown(Duration grace, UniqueFunction<void()> done) {
  udp_.clear();
  runtime_->shutdown(grace, std::move(done));
}

AgentCore::Parts ServerStack::parts() {
  return {&env_, &runtime_->backend(), &runtime_->local_agent(), &runtime_->events()};
}
std::string ServerStack::http_address() const { return first_of(facts_.http); }
std::string ServerStack::dns_address() const { return first_of(facts_.dns); }

}  // namespace discovery::api
