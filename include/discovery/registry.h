#pragma once

/// \file
/// Registering services and finding their instances.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <discovery/async.h>
#include <discovery/check.h>
#include <discovery/export.h>
#include <discovery/instance.h>
#include <discovery/status.h>
#include <discovery/types.h>
#include <discovery/watch.h>

namespace discovery::api {
class AgentCore;
class RegisteredService;
}  // namespace discovery::api

namespace discovery::inline v0 {

/// An address with a port, e.g. of a service as another network sees it.
struct TaggedAddress {
  std::string address{};
  std::uint16_t port = 0;
};

/// A service as its owner defines it
/// (https://developer.hashicorp.com/consul/docs/services/configuration/services-configuration-reference).
/// Only `name` must be set.
struct ServiceSpec {
  std::string name{};
  std::string id{};        ///< unique on the agent; empty: the name
  std::string address{};   ///< empty: the node's
  std::uint16_t port = 0;  ///< 0: none
  std::vector<std::string> tags{};
  Labels meta{};  ///< at most 64 pairs of at most 128 and 512 bytes
  std::vector<CheckSpec> checks{};
  std::uint16_t weight = 1;          ///< its share of the traffic while it is passing; at least 1
  std::uint16_t warning_weight = 1;  ///< the same while it is warning
  std::map<std::string, TaggedAddress> tagged_addresses{};  ///< e.g. "lan", "wan"
  bool enable_tag_override = false;  ///< whether others may change its tags in the catalog
};

/// Which instances are wanted, and how they are read.
struct Lookup {
  bool passing_only = true;         ///< only those whose checks, and whose node's, are all passing
  std::vector<std::string> tags{};  ///< those that have all of them
  std::string near{};               ///< in the order of their distance from this node; "_agent": this one
  Read read{};
};

/// A registered service: it is deregistered when this goes, unless it was released.
/// Threads: a handle, one thread at a time. Blocks: never. May outlive its Agent, then it does nothing.
class [[nodiscard]] DISCOVERY_EXPORT Registration {
 public:
  Registration(Registration&&) noexcept;
  Registration& operator=(Registration&&) noexcept;
  ~Registration();

  /// The service's id on its agent; empty once it is released.
  const std::string& id() const noexcept;

  /// Reports on a TTL check of the service; which one must be said (by its id) where there are several.
  /// `text` is shown as the check's output. kMaintenance counts as kCritical. Takes effect soon after.
  /// kInvalidArgument: there is no such TTL check; kFailedPrecondition: it was released.
  Status report(Health health, std::string text = {}, std::string_view check_id = {});

  /// Takes the service off the agent now, and says how that went. kUnavailable, kUnknownOutcome.
  Async<Unit> deregister() &&;

  /// Lets the service stay when this goes. Its CallChecks end, as they would with this.
  void release() noexcept;

 private:
  friend class Registry;
  explicit Registration(std::shared_ptr<api::RegisteredService> service);
  std::shared_ptr<api::RegisteredService> service_;
};

/// The registry of an agent. A cheap handle; copies are the same registry. May outlive its Agent: then calls
/// end with kCancelled.
///
/// Threads: safe. Blocks: never. Every call may end with kCancelled (stop requested, or the agent has
/// stopped), kDeadlineExceeded (Call::timeout, of reads), kUnknownOutcome (the same, of writes),
/// kPermissionDenied, kUnavailable (the remote agent or its servers cannot be reached).
class DISCOVERY_EXPORT Registry {
 public:
  /// Registers a service on the agent, or replaces the one with its id; a find() that follows sees it.
  /// kInvalidArgument: the message says what is wrong with it.
  Async<Registration> add(const ServiceSpec& service, const Call& call = {});

  /// Registers several at once: all become visible together, or none is registered. A remote agent takes them
  /// one by one: there, the first that fails takes those before it back. kInvalidArgument.
  Async<std::vector<Registration>> add_all(const std::vector<ServiceSpec>& services, const Call& call = {});

  /// The instances of a service, once. None is no error. kInvalidArgument: the filter.
  Async<View<Instances>> find(std::string service, Lookup lookup = {});

  /// The instances of a service, now and after each change; instances that did not change are the same
  /// objects. When changes come faster than every millisecond, some views are left out.
  Watch<Instances> watch(std::string service, Lookup lookup = {});

  /// The names of all services with the union of their instances' tags. kInvalidArgument: the filter.
  Async<View<std::map<std::string, std::vector<std::string>>>> services(Read read = {});

 private:
  friend class Agent;
  explicit Registry(std::shared_ptr<api::AgentCore> core);
  std::shared_ptr<api::AgentCore> core_;
};

/// How `after` differs from `before`: instances are told apart by datacenter, node and id, and updated if
/// anything of them is another. Pure. Costs O(n) for lists in the same order, else O(n log n).
DISCOVERY_EXPORT Changes<std::shared_ptr<const Instance>> diff(const Instances& before,
                                                               const Instances& after);

}  // namespace discovery::inline v0
