#include "lib/api/server_stack.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "lib/api/dns_gauges.h"
#include "lib/api/node_id.h"
#include "lib/api/settings.h"
#include "lib/base/processors.h"

namespace discovery::api {
namespace {

/// Threads that answer DNS over UDP: one for each processor that may be used, but no more than this, as each
/// keeps answers of its own.
constexpr unsigned kMaxDnsThreads = 4;

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
  runtime_->metrics().on_collect([this] {
    dns::UdpServer::Counters udp;
    for (const auto& server : udp_) udp += server->counters();
    show_dns(runtime_->metrics(), udp);
  });
  return serve_dns();
}

Status ServerStack::serve_dns() {
  for (const env::Endpoint& at : facts_.dns) {
    dns::UdpServer::Setup setup;
    setup.at = at;
    setup.threads = std::min(base::usable_processors(), kMaxDnsThreads);
    setup.zone = runtime_->dns().zone;
    setup.backend = &runtime_->backend();
    setup.clock = &env_.clock();
    setup.recursor = runtime_->dns().recursor;
    setup.log = &env_.log();
    setup.seed = env_.random().next();
    auto server = dns::UdpServer::start(setup);
    if (!server.ok()) return {server.status().code(), "DNS: " + std::string(server.status().message())};
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
