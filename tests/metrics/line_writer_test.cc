// The forms of lines, as go-metrics writes them for Consul.

#include "lib/metrics/line_writer.h"

#include <limits>
#include <string>

#include <catch2/catch.hpp>

namespace discovery::metrics {
namespace {

using Dialect = LineWriter::Dialect;

Series series(Kind kind, std::string name, Labels labels = {}) {
  Series made;
  made.kind = kind;
  made.name = std::move(name);
  made.labels = std::move(labels);
  return made;
}

std::string line(LineWriter& writer, const Series& of, double value) {
  std::string out;
  writer.append(out, of, value);
  return out;
}

TEST_CASE("lines for statsd have the host in gauges and labels in the name") {
  LineWriter writer({.host_name = "box"});
  const Series gauge = series(Kind::kGauge, "runtime.alloc_bytes");
  CHECK(line(writer, gauge, 42) == "consul.box.runtime.alloc_bytes:42.000000|g\n");
  CHECK(line(writer, gauge, 0.5) == "consul.box.runtime.alloc_bytes:0.500000|g\n");
  CHECK(line(writer, series(Kind::kCounter, "rpc.query"), 3) == "consul.rpc.query:3.000000|c\n");
  CHECK(line(writer, series(Kind::kSample, "api.http", {{"method", "GET"}, {"path", "v1_kv_"}}), 1.25) ==
        "consul.api.http.GET.v1_kv_:1.250000|ms\n");
  CHECK(line(writer, series(Kind::kCounter, "a b:c", {{"x", "d|e f\n"}}), 1) ==
        "consul.a_b_c.d_e_f_:1.000000|c\n");
  // What is shown is of single precision.
  CHECK(line(writer, series(Kind::kCounter, "n"), 16777217) == "consul.n:16777216.000000|c\n");
  CHECK(line(writer, series(Kind::kCounter, "n"), 0.1) == "consul.n:0.100000|c\n");
}

TEST_CASE("without a host's name gauges have none, and names have the prefix that was asked for") {
  LineWriter writer({.prefix = "my app"});
  CHECK(line(writer, series(Kind::kGauge, "version"), 1) == "my_app.version:1.000000|g\n");
}

TEST_CASE("lines for DogStatsD have tags, and no host in the name") {
  LineWriter writer({.dialect = Dialect::kDogstatsd, .host_name = "box", .tags = {"env:prod", "fast"}});
  CHECK(line(writer, series(Kind::kGauge, "foo.bar"), 42) == "consul.foo.bar:42.000000|g|#env:prod,fast\n");
  CHECK(line(writer, series(Kind::kCounter, "count.me"), 3) == "consul.count.me:3|c|#env:prod,fast\n");
  CHECK(line(writer, series(Kind::kSample, "api.http", {{"my tag", "a:b"}, {"none", ""}}), 4) ==
        "consul.api.http:4.000000|ms|#env:prod,fast,my_tag:a_b,none\n");
  LineWriter plain({.dialect = Dialect::kDogstatsd});
  CHECK(line(plain, series(Kind::kGauge, "a"), 1) == "consul.a:1.000000|g\n");
  CHECK(line(plain, series(Kind::kGauge, "b", {{"x", "y"}}), 1) == "consul.b:1.000000|g|#x:y\n");
}

TEST_CASE("what is no number is not written") {
  LineWriter writer({});
  CHECK(line(writer, series(Kind::kGauge, "a"), std::numeric_limits<double>::quiet_NaN()).empty());
  CHECK(line(writer, series(Kind::kGauge, "b"), std::numeric_limits<double>::infinity()).empty());
}

}  // namespace
}  // namespace discovery::metrics
