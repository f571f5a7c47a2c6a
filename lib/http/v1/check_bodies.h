#pragma once

/// \file
/// What clients send to define a check
/// (https://developer.hashicorp.com/consul/api-docs/agent/check#register-check).

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/codec/describe.h"
#include "lib/model/local_agent.h"

namespace discovery::http::v1 {

/// The definition of a check, of any kind.
struct CheckBody {
  std::string id;
  std::string name;
  std::string notes;
  std::string status;
  std::vector<std::string> args;
  std::vector<std::string> script_args;
  std::string http;
  std::string h2ping;
  std::map<std::string, std::vector<std::string>> header;
  std::string method;
  std::string body;
  bool disable_redirects = false;
  std::string tcp;
  Duration interval{};
  std::string alias_node;
  std::string alias_service;
  std::string docker_container_id;
  std::string shell;
  std::string grpc;
  bool grpc_use_tls = false;
  std::string tls_server_name;
  bool tls_skip_verify = false;
  Duration timeout{};
  Duration ttl{};
  std::int64_t success_before_passing = 0;
  std::int64_t failures_before_critical = 0;
  Duration deregister_critical_service_after{};
  std::int64_t output_max_size = 0;

  bool operator==(const CheckBody&) const = default;

  bool is_script() const { return !args.empty() || !script_args.empty(); }
  bool is_alias() const { return !alias_node.empty() || !alias_service.empty(); }
  /// The kind of a check that is run at an interval and that this agent does not run yet, or empty.
  std::string_view unavailable_kind() const;
};

/// A check inside of a service's definition.
struct ServiceCheckBody : CheckBody {};

/// A check of its own.
struct CheckDefinitionBody : CheckBody {
  std::string service_id;
  std::string token;
};

/// Whether a definition makes sense. kInvalidArgument with Consul's text.
Status validate(const CheckBody& check);

/// The check that the agent is to have. REQUIRES: it is a TTL check.
model::CheckSpec to_spec(const CheckBody& check);

template <class Archive>
void describe_check(Archive& archive, auto& check) {
  archive.field("Name", check.name);
  archive.field("Notes", check.notes);
  archive.field("Status", check.status);
  archive.field("Args", check.args);
  archive.field("ScriptArgs", check.script_args, {.alias = "script_args"});
  archive.field("HTTP", check.http);
  archive.field("H2PING", check.h2ping);
  archive.field("Header", check.header);
  archive.field("Method", check.method);
  archive.field("Body", check.body);
  archive.field("DisableRedirects", check.disable_redirects, {.alias = "disable_redirects"});
  archive.field("TCP", check.tcp);
  archive.duration("Interval", check.interval);
  archive.field("AliasNode", check.alias_node);
  archive.field("AliasService", check.alias_service);
  archive.field("DockerContainerID", check.docker_container_id, {.alias = "docker_container_id"});
  archive.field("Shell", check.shell);
  archive.field("GRPC", check.grpc);
  archive.field("GRPCUseTLS", check.grpc_use_tls, {.alias = "grpc_use_tls"});
  archive.field("TLSServerName", check.tls_server_name, {.alias = "tls_server_name"});
  archive.field("TLSSkipVerify", check.tls_skip_verify, {.alias = "tls_skip_verify"});
  archive.duration("Timeout", check.timeout);
  archive.duration("TTL", check.ttl);
  archive.field("SuccessBeforePassing", check.success_before_passing);
  archive.field("FailuresBeforeCritical", check.failures_before_critical);
  archive.duration("DeregisterCriticalServiceAfter", check.deregister_critical_service_after,
                   {.alias = "deregister_critical_service_after"});
  archive.field("OutputMaxSize", check.output_max_size);
}

template <class Archive, codec::Described<ServiceCheckBody> R>
void describe(Archive& archive, R& check) {
  archive.field("CheckID", check.id);
  describe_check(archive, check);
}

template <class Archive, codec::Described<CheckDefinitionBody> R>
void describe(Archive& archive, R& check) {
  archive.field("ID", check.id);
  archive.field("ServiceID", check.service_id, {.alias = "service_id"});
  archive.field("Token", check.token);
  describe_check(archive, check);
}

/// What PUT /v1/agent/check/update takes.
struct CheckUpdateBody {
  std::string status;
  std::string output;
};

template <class Archive, codec::Described<CheckUpdateBody> R>
void describe(Archive& archive, R& update) {
  archive.field("Status", update.status);
  archive.field("Output", update.output);
}

}  // namespace discovery::http::v1
