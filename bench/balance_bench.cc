// Benchmarks of balancing: `balance_bench` times each policy's pick (and pick with done) among 1,000
// instances, and what a changed view costs. By the processor's time stamp counter over batches of 64; p50 and
// p99 of the batches, in nanoseconds an operation. `balance_bench N` takes N instances.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <x86intrin.h>

#include <discovery/balance.h>

namespace {

using namespace discovery;
using namespace std::chrono_literals;

constexpr std::size_t kBatch = 64;
constexpr std::size_t kBatches = 20'000;

double ns_per_tick() {
  const auto wall = std::chrono::steady_clock::now();
  const std::uint64_t from = __rdtsc();
  while (std::chrono::steady_clock::now() - wall < 50ms) {
  }
  const std::uint64_t ticks = __rdtsc() - from;
  return 50e6 / static_cast<double>(ticks);
}

using ViewPtr = std::shared_ptr<const Instances>;

std::shared_ptr<const Instance> instance(std::size_t number, std::uint32_t weights) {
  auto made = std::make_shared<Instance>();
  made->node = "node-" + std::to_string(number);
  made->id = "web-" + std::to_string(number);
  made->name = "web";
  made->weight = 1 + static_cast<std::uint32_t>(number) % weights;
  made->rtt = std::chrono::milliseconds(1 + number % 60);
  return made;
}

ViewPtr view(std::size_t count, std::uint32_t weights) {
  auto made = std::make_shared<Instances>();
  for (std::size_t i = 0; i < count; ++i) made->push_back(instance(i, weights));
  return made;
}

struct Figures {
  double p50 = 0;
  double p99 = 0;
};

/// Times `operation(i)` in batches.
template <class Operation>
Figures measure(double ns, std::size_t batches, std::size_t batch, Operation operation) {
  std::vector<double> all;
  all.reserve(batches);
  std::size_t i = 0;
  for (std::size_t b = 0; b < batches; ++b) {
    const std::uint64_t from = __rdtsc();
    for (std::size_t k = 0; k < batch; ++k) operation(i++);
    all.push_back(static_cast<double>(__rdtsc() - from) * ns / static_cast<double>(batch));
  }
  std::sort(all.begin(), all.end());
  return {all[all.size() / 2], all[all.size() * 99 / 100]};
}

volatile std::uint64_t sink;

void run(const char* name, Balancer& balancer, const ViewPtr& from, double ns) {
  const auto pick = measure(ns, kBatches, kBatch, [&](std::size_t i) {
    const auto picked = balancer.pick(from, {.hash = i});
    sink = picked->instance->port;
  });
  std::uint64_t now = 1'000'000'000;
  const auto both = measure(ns, kBatches, kBatch, [&](std::size_t i) {
    now += 1000;
    const auto picked = balancer.pick(from, {.hash = i, .now = Duration(now)});
    balancer.done(picked->ticket, {.latency = 1ms, .now = Duration(now)});
  });
  // Views in turn, each with one instance that is another object than in the view before.
  std::vector<ViewPtr> views;
  for (std::size_t i = 0; i < 64; ++i) {
    auto next = std::make_shared<Instances>(i == 0 ? *from : *views.back());
    const std::size_t at = i * 7919 % next->size();
    (*next)[at] = std::make_shared<Instance>(*(*next)[at]);
    views.push_back(std::move(next));
  }
  const auto change = measure(ns, 2000, 1, [&](std::size_t i) {
    const auto picked = balancer.pick(views[i % views.size()], {.hash = i});
    sink = picked->instance->port;
  });
  std::printf("%-34s %7.1f %7.1f   %7.1f %7.1f   %7.2f %7.2f\n", name, pick.p50, pick.p99, both.p50, both.p99,
              change.p50 / 1000, change.p99 / 1000);
}

}  // namespace

int main(int count, char** arguments) {
  const std::size_t instances = count > 1 ? std::strtoul(arguments[1], nullptr, 10) : 1000;
  if (instances == 0) return 2;
  const double ns = ns_per_tick();
  const ViewPtr alike = view(instances, 1);
  const ViewPtr three = view(instances, 3);
  std::printf("%zu instances             pick, ns p50  p99   and done, p50   p99   a new view, us p50  p99\n",
              instances);
  run("round_robin", *round_robin(), alike, ns);
  run("random_choice", *random_choice(), alike, ns);
  run("smooth_weighted, 1 weight", *smooth_weighted(), alike, ns);
  run("smooth_weighted, 3 weights", *smooth_weighted(), three, ns);
  run("weighted_random, 3 weights", *weighted_random(), three, ns);
  run("least_loaded", *least_loaded(), alike, ns);
  run("least_loaded, 3 weights", *least_loaded(), three, ns);
  run("consistent_hash", *consistent_hash(), alike, ns);
  run("nearest(round_robin)", *nearest(round_robin()), alike, ns);
  run("eject_outliers(round_robin)", *eject_outliers(round_robin()), alike, ns);
  run("eject_outliers(least_loaded)", *eject_outliers(least_loaded()), alike, ns);
  return 0;
}
