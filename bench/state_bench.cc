// Benchmarks of the state: `state_bench kv` and `state_bench catalog`. One thread; times are its CPU time, so
// that other work on the machine counts little. Figures on standard output.
//
//   kv       a million keys with values of 100 bytes: inserts in transactions of 64, point reads, resident
//   memory
//   txn      10,000 service instances as one command
//   catalog  100,000 service instances with a check each: registrations, resident memory

#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "lib/model/command.h"
#include "lib/state/catalog.h"
#include "lib/state/kv.h"
#include "lib/state/reads.h"
#include "lib/state/store.h"
#include "lib/state/txn.h"

namespace {

using namespace discovery;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::size_t resident_bytes() {
  malloc_trim(0);
  std::size_t total = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * 4096;
}

double seconds_since(double start) { return cpu_seconds() - start; }

constexpr std::size_t kKeySize = 18;  // "bench/app/k0000000"

std::string key_of(std::size_t number) {
  char key[32];
  std::snprintf(key, sizeof key, "bench/app/k%07zu", number);
  return key;
}

void bench_kv() {
  constexpr std::size_t kKeys = 1'000'000;
  constexpr std::size_t kBatch = 64;
  std::vector<std::size_t> order(kKeys);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937_64(7));
  std::vector<std::string> keys;
  keys.reserve(kKeys);
  for (const std::size_t number : order) keys.push_back(key_of(number));
  const std::string value(100, 'v');

  const std::size_t before = resident_bytes();
  state::Store store;
  Index index = 0;
  auto start = cpu_seconds();
  for (std::size_t at = 0; at < kKeys;) {
    state::Transaction tx = store.begin(++index);
    for (std::size_t n = 0; n < kBatch && at < kKeys; ++n, ++at) {
      (void)state::apply_kv(tx, {model::KvVerb::kSet, keys[at], value});
    }
    tx.commit();
  }
  const double insert_time = seconds_since(start);
  std::printf("kv insert, transactions of 64: %.0f keys/s\n", static_cast<double>(kKeys) / insert_time);
  std::printf("kv resident: %.0f bytes an entry\n",
              static_cast<double>(resident_bytes() - before) / static_cast<double>(kKeys));

  std::mt19937_64 random(3);
  std::vector<std::array<char, kKeySize + 1>> probes(
      1'000'000);  // in one piece, so that the tree alone is measured
  for (auto& probe : probes) std::memcpy(probe.data(), keys[random() % kKeys].c_str(), probe.size());
  std::size_t found = 0;
  start = cpu_seconds();
  for (const auto& probe : probes) {
    const state::Snapshot snapshot = store.snapshot();
    const auto* entry = snapshot.table<state::KvTable>().find({probe.data(), kKeySize});
    found += entry != nullptr ? entry->value().size() : 0;
  }
  const double read_time = seconds_since(start);
  std::printf("kv point read with a snapshot each: %.0f reads/s (%zu bytes)\n",
              static_cast<double>(probes.size()) / read_time, found);
  start = cpu_seconds();
  const state::Snapshot snapshot = store.snapshot();
  found = 0;
  for (const auto& probe : probes) {
    found += snapshot.table<state::KvTable>().find({probe.data(), kKeySize})->value().size();
  }
  std::printf("kv point read on one snapshot: %.0f reads/s (%zu bytes)\n",
              static_cast<double>(probes.size()) / seconds_since(start), found);
}

void bench_catalog() {
  constexpr std::size_t kInstances = 100'000;
  const std::size_t before = resident_bytes();
  state::Store store;
  const auto start = cpu_seconds();
  for (std::size_t n = 0; n < kInstances; ++n) {
    model::RegisterCommand command;
    command.node = "node-" + std::to_string(n / 10);
    command.address = "10.0." + std::to_string(n / 2560) + "." + std::to_string(n / 10 % 256);
    command.datacenter = "dc1";
    model::ServiceInstance service;
    service.name = "service-" + std::to_string(n % 1000);
    service.id = service.name + "-" + std::to_string(n);
    service.port = 8000;
    service.tags = {"v1", "primary"};
    service.meta = {{"version", "1"}};
    model::HealthCheck check;
    check.node = command.node;
    check.check_id = "service:" + service.id;
    check.name = "Service '" + service.name + "' check";
    check.status = "passing";
    check.service_id = service.id;
    check.type = "ttl";
    command.service = std::move(service);
    command.check = std::move(check);
    state::Transaction tx = store.begin(n + 1);
    if (!state::register_entity(tx, command).ok()) std::abort();
    tx.commit();
  }
  std::printf("catalog register: %.0f instances/s\n", static_cast<double>(kInstances) / seconds_since(start));
  std::printf("catalog resident: %.0f bytes an instance with its check\n",
              static_cast<double>(resident_bytes() - before) / static_cast<double>(kInstances));
}

/// The same services on one node as operations of one command.
void bench_txn() {
  constexpr std::size_t kInstances = 10'000;
  model::TxnCommand command;
  model::NodeOperation node{.verb = "set", .node = {}};
  node.node.name = "node";
  node.node.address = "10.0.0.1";
  command.operations.emplace_back(std::move(node));
  for (std::size_t n = 0; n < kInstances; ++n) {
    model::ServiceOperation operation{.verb = "set", .node = "node", .service = {}};
    operation.service.name = "service-" + std::to_string(n % 1000);
    operation.service.id = operation.service.name.str() + "-" + std::to_string(n);
    operation.service.port = 8000;
    operation.service.tags = {"v1", "primary"};
    operation.service.meta = {{"version", "1"}};
    command.operations.emplace_back(std::move(operation));
  }
  state::Store store;
  const auto start = cpu_seconds();
  if (!model::complete(command.operations).empty()) std::abort();
  state::Transaction tx = store.begin(1);
  if (!state::apply_txn(tx, command).errors.empty()) std::abort();
  tx.commit();
  std::printf("one command of %zu instances: %.1f ms\n", kInstances, seconds_since(start) * 1e3);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string which = argc > 1 ? argv[1] : "";
  if (which != "kv" && which != "catalog" && which != "txn" && !which.empty()) {
    std::fprintf(stderr, "usage: state_bench [kv|catalog|txn]\n");
    return 1;
  }
  if (which.empty() || which == "kv") bench_kv();
  if (which.empty() || which == "catalog") bench_catalog();
  if (which.empty() || which == "txn") bench_txn();
  return 0;
}
