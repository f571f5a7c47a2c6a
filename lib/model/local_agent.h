#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <discovery/async.h>
#include <discovery/types.h>

#include "lib/model/check_spec.h"
#include "lib/model/records.h"

namespace discovery::model {

/// A proxy that is defined inside of the service that it stands beside. What is left open follows from the
/// service (https://developer.hashicorp.com/consul/docs/connect/registration/sidecar-service).
struct SidecarSpec {
  ServiceInstance service{};  ///< may not have an id
  std::optional<Weights> weights{};
  std::vector<CheckSpec> checks{};
  std::string token{};
  bool has_sidecar = false;  ///< it defines one in turn, which it must not
};

/// A service as a caller defines it on its agent
/// (https://developer.hashicorp.com/consul/api-docs/agent/service#register-service).
struct ServiceSpec {
  ServiceInstance service;
  std::vector<CheckSpec> checks;
  std::string token;
  bool replace_existing_checks = false;
  Origin origin = Origin::kApi;  ///< of the service and its checks
  std::optional<SidecarSpec> sidecar{};
  bool is_sidecar = false;  ///< it was defined inside of its parent, and goes with it
};

/// One of the agent's own services with the hash of its definition.
struct AgentService {
  ServicePtr service;
  std::string content_hash;
  Origin origin = Origin::kApi;
};

/// One of the agent's own services with all that counts for its health.
struct ServiceHealth {
  ServicePtr service;
  std::vector<CheckPtr> checks;  ///< the node's and its own
  std::string status;            ///< the worst: "maintenance", "critical", "warning" or "passing"
};

/// A member of the gossip pool.
struct Member {
  std::string name;
  std::string address;
  std::uint16_t port = 0;
  Labels tags;
  int status = 1;  ///< 1 alive, 2 leaving, 3 left, 4 failed
  int protocol_min = 1, protocol_max = 5, protocol_current = 2;
  int delegate_min = 2, delegate_max = 5, delegate_current = 4;
};

/// What an agent says of itself.
struct AgentSelf {
  std::string datacenter;
  std::string primary_datacenter;
  std::string node_name;
  std::string node_id;
  std::string version;
  bool server = true;
  Labels node_meta;
  Member member;
  Coordinate coordinate;
  bool grpc_open = false;  ///< whether the mesh's gRPC port is served
  std::map<std::string, std::map<std::string, std::string>> stats;
  std::string runtime_config;  ///< a JSON object; empty: what follows from the rest
};

/// What belongs to this agent and is not replicated state: its own services and checks, who it is. The
/// catalog follows it: changes are pushed through Backend at once.
///
/// Threads: safe. Results come on the agent's executor, or at once where the caller is on it already.
/// Blocking: never.
class LocalAgent {
 public:
  virtual ~LocalAgent() = default;

  /// Registers a service, or replaces the one with its id. kInvalidArgument with Consul's text.
  virtual Async<Unit> register_service(ServiceSpec spec, Call call) = 0;
  /// Registers several: all become visible together, or none is registered. Here, for agents that know no
  /// better: one after another, and the first that fails takes those before it back. Errors as
  /// register_service().
  virtual Async<Unit> register_services(std::vector<ServiceSpec> specs, Call call);
  /// Removes a service with its checks; fine if there is none.
  virtual Async<Unit> deregister_service(std::string id, Call call) = 0;
  /// Adds a check to the node (service_id empty) or to one of its services.
  /// kInvalidArgument; kNotFound with Consul's text if the service is not known.
  virtual Async<Unit> register_check(CheckSpec spec, Call call) = 0;
  /// Removes a check; fine if there is none.
  virtual Async<Unit> deregister_check(std::string id, Call call) = 0;
  /// Reports on a TTL check. `status` is "passing", "warning" or "critical". kNotFound with Consul's text.
  virtual Async<Unit> update_check(std::string id, std::string status, std::string output, Call call) = 0;

  /// All own services, by id. kInvalidArgument for a bad filter.
  virtual Async<std::vector<AgentService>> services(std::string filter, Call call) = 0;
  /// One own service; with a hash, waits until its hash is another or `wait` is over. kNotFound with Consul's
  /// text.
  virtual Async<AgentService> service(std::string id, std::string hash, Duration wait, Call call) = 0;
  /// All own checks, by id.
  virtual Async<std::vector<CheckPtr>> checks(std::string filter, Call call) = 0;

  /// Takes a service out of service, or lets it back. kNotFound with Consul's text.
  virtual Async<Unit> set_service_maintenance(std::string id, bool enable, std::string reason, Call call) = 0;
  /// The same for the node with all that is on it.
  virtual Async<Unit> set_node_maintenance(bool enable, std::string reason, Call call) = 0;
  /// What has become of a check, and what happens next. kNotFound.
  virtual Async<CheckHistory> check_history(std::string id, Call call) = 0;
  /// The own service of this id with all that counts for its health; empty if there is none.
  virtual Async<std::vector<ServiceHealth>> service_health_by_id(std::string id, Call call) = 0;
  /// The own services of this name, by id.
  virtual Async<std::vector<ServiceHealth>> service_health_by_name(std::string name, Call call) = 0;

  /// Who this agent is. Threads: safe.
  virtual AgentSelf self() const = 0;
  /// The members of its gossip pool.
  virtual Async<std::vector<Member>> members(bool wan, Call call) = 0;
};

}  // namespace discovery::model
