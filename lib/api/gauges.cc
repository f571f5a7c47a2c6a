#include "lib/api/gauges.h"

#include <utility>

#include "lib/api/host_facts.h"

namespace discovery::api {
namespace {

/// Sets a gauge to how many rows a list has. The answer may come later, and from another thread.
template <class List>
void count(metrics::Registry& registry, server::Server& server, const char* name, model::Query query) {
  metrics::Series* const series = registry.series(metrics::Kind::kGauge, name);
  server.query(std::move(query), {}).then([&registry, series](const Result<model::Answer>& answer) {
    if (!answer.ok()) return;
    if (const auto* list = std::get_if<List>(&answer->value())) {
      registry.set(series, static_cast<double>(list->size()));
    }
  });
}

}  // namespace

Gauges::Gauges(env::Env& env, metrics::Registry& registry, server::Server& server,
               const http1::ServerCounters& connections)
    : registry_(registry), server_(server), connections_(connections), timer_(env.make_timer()) {
  registry_.on_collect([this] { collect(); });
}

void Gauges::start() { arm(); }

void Gauges::arm() {
  timer_->start(metrics::Registry::kInterval, [this] {
    collect();
    arm();
  });
}

void Gauges::set(const char* name, double value) {
  registry_.set(registry_.series(metrics::Kind::kGauge, name), value);
}

void Gauges::collect() {
  const ProcessFacts process = process_facts();
  set("runtime.alloc_bytes", static_cast<double>(process.heap_bytes));
  set("runtime.sys_bytes", static_cast<double>(process.resident_bytes));
  set("runtime.num_goroutines", static_cast<double>(process.threads));
  set("runtime.open_files", static_cast<double>(process.open_files));
  set("runtime.max_files", static_cast<double>(process.max_files));
  count<model::Nodes>(registry_, server_, "state.nodes", model::ListNodes{});
  count<model::ServiceTags>(registry_, server_, "state.services", model::ListServices{});
  set("session_ttl.active", static_cast<double>(server_.sessions_with_ttl()));
  set("members.servers", 1);
  set("members.clients", 0);
  set("serf.member.alive", 1);
  set("autopilot.healthy", 1);
  set("autopilot.failure_tolerance", 0);
  set("raft.applied_index", static_cast<double>(server_.log().last_index()));
  set("raft.last_index", static_cast<double>(server_.log().last_index()));
  set("rpc.queries_blocking", static_cast<double>(connections_.waiting));
  set("api.http.connections", static_cast<double>(connections_.open));
  set("api.http.incoming_bytes", static_cast<double>(connections_.incoming_bytes));
  set("api.http.outgoing_bytes", static_cast<double>(connections_.outgoing_bytes));
  const server::QueryStatistics queries = server_.query_statistics();
  set("rpc.queries_waiting", static_cast<double>(queries.waiting));
  set("rpc.answer_bytes", static_cast<double>(queries.answer_bytes));
  // What was done to clients because of a limit, since the start.
  set("rpc.queries_refused", static_cast<double>(queries.refused));
  set("rpc.queries_ended", static_cast<double>(queries.ended));
  set("api.http.refused", static_cast<double>(connections_.refused_total + connections_.refused_per_address));
  set("api.http.pushed_out", static_cast<double>(connections_.pushed_out));
  set("api.http.timed_out", static_cast<double>(connections_.timed_out));
  set("api.http.bad_requests", static_cast<double>(connections_.bad_requests));
  set("api.http.bodies_too_large", static_cast<double>(connections_.bodies_too_large));
  set("api.http.cut_incoming", static_cast<double>(connections_.cut_incoming));
  set("api.http.cut_outgoing", static_cast<double>(connections_.cut_outgoing));
  set("api.http.refused_answers", static_cast<double>(connections_.refused_answers));
  set("api.http.out_of_memory", static_cast<double>(connections_.out_of_memory));
  set("version", 1);
}

}  // namespace discovery::api
