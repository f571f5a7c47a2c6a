#pragma once

/// \file
/// An instance of a service as those who look for it see it.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <discovery/types.h>

namespace discovery::inline v0 {

/// Metadata: names and values, in the names' order.
using Labels = std::map<std::string, std::string, std::less<>>;

/// How an instance or a check is, the better one first.
enum class Health : std::uint8_t {
  kPassing,
  kWarning,
  kCritical,
  kMaintenance,  ///< an operator took it out of service: it drains
};

/// One instance of a service. Its health is the worst of its own checks and its node's. Threads: a value, and
/// immutable where it is shared.
struct Instance {
  std::string node{};        ///< the name of the node that it lives on
  std::string id{};          ///< unique on its node
  std::string name{};        ///< the service's
  std::string datacenter{};  ///< empty: the agent's own
  std::string address{};     ///< where it is reached: its own address, or else its node's
  std::uint16_t port = 0;    ///< 0: it has none
  Health health = Health::kPassing;
  std::uint32_t weight = 1;  ///< its share of the traffic in its present health; 0: it drains, nothing new
  std::vector<std::string> tags{};
  Labels meta{};
  Duration rtt{};  ///< the estimated round trip from here; 0: not known

  friend bool operator==(const Instance&, const Instance&) = default;
};

/// The instances of a service. Those that did not change are the same objects in one view and the next.
using Instances = std::vector<std::shared_ptr<const Instance>>;

}  // namespace discovery::inline v0
