#pragma once

/// \file
/// Agent: the one object that a program starts. Registry, key/value store and the rest are handles on it.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <discovery/async.h>
#include <discovery/env.h>
#include <discovery/events.h>
#include <discovery/export.h>
#include <discovery/kv_store.h>
#include <discovery/registry.h>
#include <discovery/session.h>
#include <discovery/status.h>
#include <discovery/types.h>

namespace discovery::api {
class RunningAgent;
}  // namespace discovery::api

namespace discovery::testing::inline v0 {
class Simulation;
}  // namespace discovery::testing::inline v0

namespace discovery::inline v0 {

/// Where the state lives that an agent gives access to.
enum class Mode : std::uint8_t {
  kEmbedded,  ///< in this process: no other program, no port unless asked for
  kRemote,    ///< in a discoveryd or a Consul cluster, reached over HTTP at a sidecar or a server
};

/// How TLS is spoken with a remote agent whose URL is https://.
struct TlsOptions {
  std::string ca_file{};      ///< PEM; empty: the system's
  std::string server_name{};  ///< the name that the certificate must have; empty: the URL's host
  bool skip_verify = false;
  /// Who this agent is, if the remote one demands that: PEM files, the key's without a passphrase. Both or
  /// none.
  std::string cert_file{};
  std::string key_file{};
};

/// What an agent is. All may be left out.
struct AgentOptions {
  Mode mode = Mode::kEmbedded;
  std::string node{};              ///< the node's name; empty: the host's
  std::string datacenter = "dc1";  ///< of an embedded agent; lower-case letters, digits, '-', '_'
  /// Embedded: where its services and checks are kept; empty: in memory only. Remote: where the last known
  /// views of watched services are kept, so that they can be found again during an outage; empty: nowhere.
  std::string data_dir{};

  /// \name Embedded only
  /// @{
  std::string http_listen{};  ///< "127.0.0.1:8500", or port 0 for a free one: serves Consul's HTTP API
  std::string dns_listen{};   ///< "127.0.0.1:8600", the same: serves DNS, UDP and TCP
  std::string advertise = "127.0.0.1";  ///< the IP address at which others reach this node's services
  Labels node_meta{};
  bool enable_script_checks = false;  ///< whether checks that come over HTTP may run programs
  /// @}

  /// \name Remote only
  /// @{
  /// "http://host:port", "https://host:port" or "unix:///path"; several are tried in turn.
  std::vector<std::string> remote_urls = {"http://127.0.0.1:8500"};
  std::string token{};  ///< for calls that bring none of their own
  TlsOptions tls{};
  /// @}
};

/// A running agent. Several live side by side in one process and share nothing. It sets no signal handlers,
/// reads no process environment, changes no global, writes nowhere but to its data directory, and never ends
/// the process.
///
/// Threads: start it and destroy it where you like; the handles are safe from any thread, and callbacks come
/// on Environment::executor or, without one, on the agent's own thread, where they must not block. An agent
/// has one thread of its own; one more for long computations, once there is one; and one a processor that
/// serves DNS over UDP. After fork() only the parent goes on.
class DISCOVERY_EXPORT Agent {
 public:
  /// Starts an agent. A remote one is there at once, whether its remote can be reached or not. Blocks: some
  /// milliseconds. kInvalidArgument, kUnavailable (an address is in use), kPermissionDenied,
  /// kResourceExhausted; the message says which and what to do. After a failure nothing is left behind.
  static Result<std::unique_ptr<Agent>> start(const AgentOptions& options = {}, Environment environment = {});

  /// Stops: answers what is being asked (at most kStopGrace), ends all watches with kCancelled, closes
  /// everything. What is registered on a remote agent stays there unless its Registration went before.
  /// Blocks: at most two seconds. Not on the agent's own thread.
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  Registry registry() const;
  KVStore kv() const;
  Events events() const;

  /// Opens a session, to hold locks with. kInvalidArgument (the TTL), kUnavailable, kUnknownOutcome.
  Async<Session> open_session(SessionSpec spec = {}, const Call& call = {});

  /// The name of the node that this agent's services live on. Remote: kUnavailable until the remote was
  /// reached.
  Async<std::string> node() const;
  /// Where HTTP and DNS are served, as "127.0.0.1:8500"; empty if they are not.
  const std::string& http_address() const noexcept;
  const std::string& dns_address() const noexcept;

  /// How long requests that are being answered may take when an agent stops.
  static constexpr Duration kStopGrace = std::chrono::seconds(1);

 private:
  friend class testing::Simulation;
  explicit Agent(std::unique_ptr<api::RunningAgent> running);
  std::unique_ptr<api::RunningAgent> running_;
};

}  // namespace discovery::inline v0
