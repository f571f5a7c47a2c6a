#pragma once

/// \file
/// The field list of a check's definition, in the names of the API
/// (https://developer.hashicorp.com/consul/api-docs/agent/check#register-check).

#include "lib/codec/describe.h"
#include "lib/model/check_spec.h"

namespace discovery::model {

/// What definitions everywhere have in common; ids, tokens and the service differ by where they stand.
/// `scripts` takes what is written under the older name of the arguments.
template <class Archive>
void describe_check(Archive& archive, auto& check, auto& scripts) {
  archive.field("Name", check.name);
  archive.field("Notes", check.notes);
  archive.field("Status", check.status);
  archive.field("Args", check.args);
  archive.field("ScriptArgs", scripts, {.alias = "script_args"});
  archive.field("HTTP", check.http);
  archive.field("H2PING", check.h2ping);
  archive.field("H2PingUseTLS", check.h2ping_use_tls);
  archive.field("Header", check.header);
  archive.field("Method", check.method);
  archive.field("Body", check.body);
  archive.field("DisableRedirects", check.disable_redirects, {.alias = "disable_redirects"});
  archive.field("TCP", check.tcp);
  archive.field("UDP", check.udp);
  archive.field("OSService", check.os_service);
  archive.duration("Interval", check.interval);
  archive.field("AliasNode", check.alias_node);
  archive.field("AliasService", check.alias_service);
  archive.field("DockerContainerID", check.docker_container_id, {.alias = "docker_container_id"});
  archive.field("Shell", check.shell);
  archive.field("GRPC", check.grpc);
  archive.field("GRPCUseTLS", check.grpc_use_tls);
  archive.field("TLSServerName", check.tls_server_name, {.alias = "tls_server_name"});
  archive.field("TLSSkipVerify", check.tls_skip_verify, {.alias = "tls_skip_verify"});
  archive.duration("Timeout", check.timeout);
  archive.duration("TTL", check.ttl);
  archive.field("SuccessBeforePassing", check.success_before_passing);
  archive.field("FailuresBeforeWarning", check.failures_before_warning);
  archive.field("FailuresBeforeCritical", check.failures_before_critical);
  archive.duration("DeregisterCriticalServiceAfter", check.deregister_critical_service_after,
                   {.alias = "deregister_critical_service_after"});
  archive.field("OutputMaxSize", check.output_max_size);
}

}  // namespace discovery::model
