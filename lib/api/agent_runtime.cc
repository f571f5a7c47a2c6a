#include "lib/api/agent_runtime.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "lib/agent/identity.h"
#include "lib/agent/local_agent.h"
#include "lib/agent/node_events.h"
#include "lib/api/control.h"
#include "lib/api/definitions.h"
#include "lib/api/dns_gauges.h"
#include "lib/api/gauges.h"
#include "lib/api/registrar.h"
#include "lib/api/settings.h"
#include "lib/api/stats.h"
#include "lib/api/watch_plan.h"
#include "lib/api/watches.h"
#include "lib/dns/forwarder.h"
#include "lib/dns/tcp_server.h"
#include "lib/http/api.h"
#include "lib/http1/server.h"
#include "lib/metrics/pusher.h"
#include "lib/model/validation.h"
#include "lib/server/server.h"

namespace discovery::api {
namespace {

using agent::Config;
using env::Endpoint;

/// Where a service listens: at its own addresses, or the client addresses; nowhere if its port is off.
std::vector<Endpoint> endpoints(const std::vector<std::string>& own, const std::vector<std::string>& client,
                                int port) {
  std::vector<Endpoint> result;
  if (port == agent::kPortOff) return result;
  constexpr std::string_view kUnix = "unix://";
  for (const std::string& address : own.empty() ? client : own) {
    if (address.starts_with(kUnix)) {
      result.push_back({address.substr(kUnix.size()), 0});
    } else {
      result.push_back({address, static_cast<std::uint16_t>(port)});
    }
  }
  return result;
}

std::uint32_t octal(const std::string& digits) {
  std::uint32_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 8);
  return value;
}

}  // namespace

class AgentRuntime::Impl {
 public:
  Impl(env::Env& env, Config config, const std::string& node_id, Around around)
      : env_(env),
        around_(std::move(around)),
        config_(std::move(config)),
        identity_(make_identity(config_, node_id)),
        metrics_(env.clock(), metrics_options(config_)),
        server_(std::make_unique<server::Server>(env, server_options(config_, identity_))),
        agent_options_(agent_options(config_)),
        agent_(std::make_unique<agent::NodeAgent>(env, *server_, identity_, agent_options_)),
        events_(std::make_unique<agent::NodeEvents>(
            agent::NodeEvents::Parts{env, config_.node_name, config_.datacenter,
                                     [this](const auto& fits) { return agent_->any_service(fits); }})),
        registrar_(env, *agent_),
        control_({env, identity_, config_, around_.host,
                  [this](Config fresh) { return take_over(std::move(fresh)); },
                  [this] { return collect_stats(identity_, *agent_, log_facts()); }}),
        api_(*server_, *agent_, env, http_options(config_),
             {&control_, events_.get(), &metrics_, around_.log}),
        http_(env, connection_options(config_), api_),
        gauges_(env, metrics_, *server_, http_.counters()),
        watches_(env, api_, *events_, agent_options_.checker.tls, agent_options_.checker.tls_unverified),
        forwarder_(env) {
    dns_.recursor = &forwarder_;
    metrics_.on_collect([this] { show_dns_counters(); });
    if (const auto push = push_options(config_); push.wanted()) pusher_.emplace(env, metrics_, push);
  }

  /// The agent and the server answer those who still wait when they go, and these answers go out through the
  /// API.
  ~Impl() {
    watches_.replace({});
    dns_tcp_.clear();
    events_.reset();
    agent_.reset();
    server_.reset();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status start() {
    Result<std::shared_ptr<const dns::Zone>> zone = make_zone(config_);
    if (!zone.ok()) return zone.status();
    dns_.zone = *std::move(zone);
    Result<Definitions> definitions = read_definitions(config_);
    if (!definitions.ok()) return definitions.status();
    if (Status status = server_->start(); !status.ok()) return status;
    events_->announce_leader();
    Result<WatchPlans> watches = read_watches(config_);
    if (!watches.ok()) return watches.status();
    if (Status status = agent_->load(); !status.ok()) return status;
    registrar_.apply(*std::move(definitions), false);
    agent_->restore();
    agent_->sync_after_start();
    if (pusher_) pusher_->start();
    gauges_.start();
    watch(*std::move(watches));
    if (Status status = listen_http(); !status.ok()) return status;
    return listen_dns();
  }

  void shutdown(Duration grace, UniqueFunction<void()> done) {
    dns_tcp_.clear();
    api_.end_feeds();
    watches_.replace({});
    http_.shutdown(grace, std::move(done));
  }

  server::Server& server() noexcept { return *server_; }
  agent::NodeAgent& agent() noexcept { return *agent_; }
  model::EventBus& events() noexcept { return *events_; }
  model::AgentControl& control() noexcept { return control_; }
  metrics::Registry& metrics() noexcept { return metrics_; }
  const std::vector<Endpoint>& http() const noexcept { return http_at_; }
  const DnsService& dns() const noexcept { return dns_; }

 private:
  /// Takes over what may change. What can fail comes first, so that all of it happens or nothing.
  Status take_over(Config fresh) {
    Result<std::shared_ptr<const dns::Zone>> zone = make_zone(fresh);
    if (!zone.ok()) return zone.status();
    Result<Definitions> definitions = read_definitions(fresh);
    if (!definitions.ok()) return definitions.status();
    Result<WatchPlans> watches = read_watches(fresh);
    if (!watches.ok()) return watches.status();

    config_ = std::move(fresh);
    dns_.zone = *std::move(zone);
    for (const auto& server : dns_tcp_) server->set_zone(dns_.zone);
    if (around_.zone_changed) around_.zone_changed(dns_.zone);
    http_.set_options(connection_options(config_));
    agent_->reconfigure(reloadable_agent_options(config_));
    metrics_.set_filter(config_.telemetry.prefix_filter, config_.telemetry.filter_default);
    // Without a data directory nothing is known of what callers registered: a reload forgets it.
    registrar_.apply(*std::move(definitions), config_.dev_mode);
    watch(*std::move(watches));
    return {};
  }

  /// A recursor that is this very agent would be asked for ever what it asks itself: it is left out.
  Result<std::shared_ptr<const dns::Zone>> make_zone(const Config& config) {
    dns::Options options = dns_options(config);
    const std::vector<Endpoint> own = endpoints(config.addresses.dns, config.client_addr, config.ports.dns);
    std::erase_if(options.recursors.servers, [&](const dns::ServerAddress& server) {
      const std::string address = server.ip.to_text();
      const bool here = address == identity_.address || address == "::1" || address.starts_with("127.");
      const bool is_own = std::any_of(own.begin(), own.end(), [&](const Endpoint& at) {
        return at.port == server.port &&
               (at.address == address || (here && model::is_any_address(at.address)));
      });
      if (is_own)
        env_.log().write(Level::kWarn, "dns",
                         "recursor " + address + " is this agent itself: it is not asked");
      return is_own;
    });
    Result<dns::Zone> zone = dns::Zone::make(std::move(options));
    if (!zone.ok()) return zone.status();
    return std::make_shared<const dns::Zone>(*std::move(zone));
  }

  void watch(WatchPlans watches) {
    for (const std::string& warning : watches.warnings) env_.log().write(Level::kWarn, "agent", warning);
    watches_.replace(std::move(watches.plans));
  }

  LogFacts log_facts() const { return {server_->log().last_index(), server_->log().leader_address()}; }

  Status listen_http() {
    env::ListenOptions options;
    options.unix_mode = octal(config_.unix_sockets.mode);
    options.unix_user = config_.unix_sockets.user;
    options.unix_group = config_.unix_sockets.group;
    for (const Endpoint& at : endpoints(config_.addresses.http, config_.client_addr, config_.ports.http)) {
      auto listener = env_.listen(at, options);
      if (!listener.ok())
        return {listener.status().code(), "HTTP: " + std::string(listener.status().message())};
      http_at_.push_back((*listener)->local());
      http_.serve(*std::move(listener));
    }
    return {};
  }

  Status listen_dns() {
    for (const Endpoint& at : endpoints(config_.addresses.dns, config_.client_addr, config_.ports.dns)) {
      auto listener = env_.listen(at, {});
      if (!listener.ok())
        return {listener.status().code(), "DNS: " + std::string(listener.status().message())};
      dns_.at.push_back((*listener)->local());
      dns::ResponderSetup setup;
      setup.zone = dns_.zone;
      setup.backend = server_.get();
      setup.clock = &env_.clock();
      setup.recursor = dns_.recursor;
      setup.seed = env_.random().next();
      dns_tcp_.push_back(std::make_unique<dns::TcpServer>(env_, dns::TcpServer::Limits(), std::move(setup)));
      dns_tcp_.back()->serve(*std::move(listener));
    }
    return {};
  }

  void show_dns_counters() {
    dns::TcpServer::Counters tcp;
    for (const auto& server : dns_tcp_) tcp += server->counters();
    show_dns(metrics_, tcp);
    show_dns(metrics_, forwarder_.counters());
  }

  env::Env& env_;
  const Around around_;
  Config config_;
  const agent::AgentIdentity identity_;
  metrics::Registry metrics_;
  std::optional<metrics::Pusher> pusher_;
  std::unique_ptr<server::Server> server_;
  const agent::NodeAgent::Options agent_options_;
  std::unique_ptr<agent::NodeAgent> agent_;
  std::unique_ptr<agent::NodeEvents> events_;
  Registrar registrar_;
  Control control_;
  http::Api api_;
  http1::Server http_;
  Gauges gauges_;
  Watches watches_;
  std::vector<Endpoint> http_at_;
  dns::Forwarder forwarder_;
  DnsService dns_;
  std::vector<std::unique_ptr<dns::TcpServer>> dns_tcp_;
};

AgentRuntime::AgentRuntime(env::Env& env, Config config, const std::string& node_id, Around around)
    : impl_(std::make_unique<Impl>(env, std::move(config), node_id, std::move(around))) {}
AgentRuntime::~AgentRuntime() = default;
Status AgentRuntime::start() { return impl_->start(); }
void AgentRuntime::shutdown(Duration grace, UniqueFunction<void()> done) {
  impl_->shutdown(grace, std::move(done));
}
model::Backend& AgentRuntime::backend() noexcept { return impl_->server(); }
model::LocalAgent& AgentRuntime::local_agent() noexcept { return impl_->agent(); }
model::AgentControl& AgentRuntime::control() noexcept { return impl_->control(); }
model::EventBus& AgentRuntime::events() noexcept { return impl_->events(); }
metrics::Registry& AgentRuntime::metrics() noexcept { return impl_->metrics(); }
const std::vector<env::Endpoint>& AgentRuntime::http() const noexcept { return impl_->http(); }
const DnsService& AgentRuntime::dns() const noexcept { return impl_->dns(); }

}  // namespace discovery::api
