#pragma once

#include <string>

#include <discovery/status.h>

#include "daemon/cli/api_client.h"
#include "daemon/cli/command.h"
#include "daemon/cli/flags.h"

namespace discovery::cli {

/// The flags that every command has which calls the API, and the environment variables beside them
/// (CONSUL_HTTP_ADDR, CONSUL_HTTP_TOKEN, ...;
/// https://developer.hashicorp.com/consul/commands#environment-variables). A flag beats its variable.
class HttpOptions {
 public:
  /// Declares the flags, bound to this object.
  void declare(FlagSet& flags);

  /// A client as the flags and `env` ask for it. Blocks on the disk (token file). Errors: those of resolve()
  /// and ApiClient::create, with "Error connecting to Consul agent: " before them.
  Result<ApiClient> connect(const Environment& env) const;

  /// What connect() makes its client from. Errors: kInvalidArgument for an address, boolean or file that is
  /// no good.
  Result<ApiClientConfig> resolve(const Environment& env) const;

 private:
  Result<std::string> resolve_token(const Environment& env) const;

  std::string address_, token_, token_file_, ca_file_, ca_path_, client_cert_, client_key_, tls_server_name_;
  std::string datacenter_, namespace_, partition_;
  bool stale_ = false;
};

}  // namespace discovery::cli
