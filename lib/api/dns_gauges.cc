#include "lib/api/dns_gauges.h"

#include <cstdint>

namespace discovery::api {
namespace {

void set(metrics::Registry& registry, const char* name, std::uint64_t value, metrics::Labels labels = {}) {
  registry.set(registry.series(metrics::Kind::kGauge, name, std::move(labels)), static_cast<double>(value));
}

void show(metrics::Registry& registry, const dns::Responder::Counters& counters, const char* transport) {
  const metrics::Labels labels = {{"transport", transport}};
  set(registry, "dns.queries", counters.queries, labels);
  set(registry, "dns.malformed", counters.malformed, labels);
  set(registry, "dns.overloaded", counters.overloaded, labels);
  set(registry, "dns.waiting", counters.waiting, labels);
}

}  // namespace

void show_dns(metrics::Registry& registry, const dns::UdpServer::Counters& udp) {
  show(registry, udp.responder, "udp");
  set(registry, "dns.udp.send_failures", udp.send_failures);
}

void show_dns(metrics::Registry& registry, const dns::TcpServer::Counters& tcp) {
  show(registry, tcp.responder, "tcp");
  set(registry, "dns.tcp.connections", tcp.open);
  set(registry, "dns.tcp.pushed_out", tcp.pushed_out);
  set(registry, "dns.tcp.timed_out", tcp.timed_out);
  set(registry, "dns.tcp.too_long", tcp.too_long);
}

void show_dns(metrics::Registry& registry, const dns::Forwarder::Counters& recursors) {
  set(registry, "dns.recursor.failed", recursors.failed);
  set(registry, "dns.recursor.refused", recursors.refused);
}

}  // namespace discovery::api
