#include "lib/metrics/registry.h"

#include <catch2/catch.hpp>

namespace discovery::metrics {
namespace {

using namespace std::chrono_literals;

/// A clock that a test sets.
struct SetClock final : Clock {
  Duration now = 1000s;
  Duration monotonic() override { return now; }
  std::chrono::system_clock::time_point wall() override {
    return std::chrono::system_clock::time_point(
        std::chrono::duration_cast<std::chrono::system_clock::duration>(now));
  }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("values are shown by interval, the last complete one") {
  SetClock clock;
  Registry registry(clock, {.host_name = "box"});
  Series* const gauge = registry.series(Kind::kGauge, "state.nodes");
  Series* const counter = registry.series(Kind::kCounter, "rpc.query");
  Series* const sample = registry.series(Kind::kSample, "api.http", {{"method", "GET"}, {"path", "v1_kv_"}});
  registry.set(gauge, 3);
  registry.add(counter);
  registry.add(counter);
  registry.add(sample, 1);
  registry.add(sample, 3);
  // Before the first interval is over, the present one.
  CHECK(
      registry.to_json(false) ==
      R"({"Timestamp":"1970-01-01 00:16:40 +0000 UTC",)"
      R"("Gauges":[{"Name":"consul.box.state.nodes","Value":3,"Labels":{}}],"Points":[],)"
      R"("Counters":[{"Name":"consul.rpc.query","Count":2,"Rate":0.2,"Sum":2,"Min":1,"Max":1,"Mean":1,"Stddev":0,"Labels":{}}],)"
      R"("Samples":[{"Name":"consul.api.http","Count":2,"Rate":0.4,"Sum":4,"Min":1,"Max":3,"Mean":2,)"
      R"("Stddev":1.4142135623730951,"Labels":{"method":"GET","path":"v1_kv_"}}]})");
  clock.now += 10s;
  registry.add(counter, 5);
  std::string json = registry.to_json(false);
  CHECK(has(json, "\"Timestamp\":\"1970-01-01 00:16:40"));
  CHECK(has(json, "\"Count\":2,"));
  clock.now += 10s;
  json = registry.to_json(false);
  CHECK(has(json, "\"Count\":1,"));
  CHECK(has(json, "\"Sum\":5"));
  clock.now += 30s;  // intervals without anything
  CHECK(has(registry.to_json(false), "\"Counters\":[],\"Samples\":[]}"));
}

TEST_CASE("Prometheus is shown all that was counted, with quantiles") {
  SetClock clock;
  Registry registry(clock, {.retention = 60s});
  Series* const counter = registry.series(Kind::kCounter, "rpc.request");
  Series* const sample = registry.series(Kind::kSample, "kvs.apply", {{"a-b", "x\"\\\n"}});
  registry.series(Kind::kSample, "txn.apply");
  registry.add(counter, 2);
  clock.now += 20s;
  registry.add(counter, 3);
  for (int i = 1; i <= 100; ++i) registry.add(sample, i);
  CHECK(registry.to_prometheus() ==
        "# HELP consul_kvs_apply consul_kvs_apply\n# TYPE consul_kvs_apply summary\n"
        "consul_kvs_apply{a_b=\"x\\\"\\\\\\n\",quantile=\"0.5\"} 50\n"
        "consul_kvs_apply{a_b=\"x\\\"\\\\\\n\",quantile=\"0.9\"} 90\n"
        "consul_kvs_apply{a_b=\"x\\\"\\\\\\n\",quantile=\"0.99\"} 99\n"
        "consul_kvs_apply_sum{a_b=\"x\\\"\\\\\\n\"} 5050\n"
        "consul_kvs_apply_count{a_b=\"x\\\"\\\\\\n\"} 100\n"
        "# HELP consul_rpc_request consul_rpc_request\n# TYPE consul_rpc_request counter\n"
        "consul_rpc_request 5\n"
        "# HELP consul_txn_apply consul_txn_apply\n# TYPE consul_txn_apply summary\n"
        "consul_txn_apply{quantile=\"0.5\"} NaN\nconsul_txn_apply{quantile=\"0.9\"} NaN\n"
        "consul_txn_apply{quantile=\"0.99\"} NaN\nconsul_txn_apply_sum 0\nconsul_txn_apply_count 0\n");
  clock.now += 61s;  // over the retention
  CHECK_FALSE(has(registry.to_prometheus(), "kvs_apply"));
}

TEST_CASE("a filter tells which names are gathered, the longest rule counts") {
  SetClock clock;
  Registry registry(clock, {.prefix_filter = {"-consul.raft", "+consul.raft.apply", "odd"}});
  registry.set(registry.series(Kind::kGauge, "raft.apply"), 1);
  registry.set(registry.series(Kind::kGauge, "raft.commit"), 1);
  registry.set(registry.series(Kind::kGauge, "rpc"), 1);
  std::string json = registry.to_json(false);
  CHECK(has(json, "consul.raft.apply"));
  CHECK_FALSE(has(json, "consul.raft.commit"));
  CHECK(has(json, "consul.rpc"));
  registry.set_filter({"+consul.raft"}, false);
  json = registry.to_json(false);
  CHECK(has(json, "consul.raft.commit"));
  CHECK_FALSE(has(json, "consul.rpc"));
  CHECK(bad_filter_rules({"+a", "b", "", "-c"}) == std::vector<std::string>{"b", ""});
}

TEST_CASE("there is a bound to how many series are kept") {
  SetClock clock;
  Registry registry(clock, {.max_series = 1});
  Series* const first = registry.series(Kind::kGauge, "a");
  REQUIRE(first != nullptr);
  CHECK(registry.series(Kind::kGauge, "a") == first);
  Series* const second = registry.series(Kind::kGauge, "b");
  CHECK(second == nullptr);
  registry.set(second, 1);
  registry.add(second, 1);
}

TEST_CASE("gauges are set just before they are shown") {
  SetClock clock;
  Registry registry(clock, {});
  int asked = 0;
  registry.on_collect([&] { registry.set(registry.series(Kind::kGauge, "level"), ++asked); });
  CHECK(has(registry.to_json(false), "\"Value\":1"));
  CHECK(has(registry.to_prometheus(), "consul_level 2\n"));
}

}  // namespace
}  // namespace discovery::metrics
