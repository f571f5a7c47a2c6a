#pragma once

#include "lib/dns/forwarder.h"
#include "lib/dns/tcp_server.h"
#include "lib/dns/udp_server.h"
#include "lib/metrics/registry.h"

namespace discovery::api {

/// \name What DNS has done because of its limits since the start, as gauges of a registry. Threads: any.
/// @{
void show_dns(metrics::Registry& registry, const dns::UdpServer::Counters& udp);
void show_dns(metrics::Registry& registry, const dns::TcpServer::Counters& tcp);
void show_dns(metrics::Registry& registry, const dns::Forwarder::Counters& recursors);
/// @}

}  // namespace discovery::api
