#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/agent/config.h"

namespace discovery::config {

/// What the sources have said so far: a configuration, and beside it what is not in its final form yet.
/// Addresses are still texts that may name several, in members whose names end in `_text`.
struct Draft : agent::Config {
  std::string source{};  ///< the file or fragment that is being added
  std::string client_text = "127.0.0.1";
  std::string dns_text{}, http_text{}, https_text{}, grpc_text{};
  std::string advertise_ipv4_text{}, advertise_ipv6_text{}, advertise_wan_ipv4_text{},
      advertise_wan_ipv6_text{};

  // Their defaults depend on other keys.
  std::optional<bool> leave_on_terminate_set{}, skip_leave_on_interrupt_set{},
      enable_local_script_checks_set{};

  // Not in force yet, but wrong values are refused already.
  bool auto_config_enabled = false;
  bool auto_encrypt_tls = false;
  bool auto_encrypt_allow_tls = false;
  bool wan_federation_through_gateways = false;
  int autopilot_max_trailing_logs = 250;
  std::string ca_provider{};
  std::string encrypt{};
  std::string ui_content_path = "/ui/";
  Duration advertise_reconnect_timeout{};
  std::vector<std::string> primary_gateways{};
};

}  // namespace discovery::config
