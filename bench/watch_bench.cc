// Benchmark of a watched service: `watch_bench [INSTANCES [READERS [CHANGES_PER_SECOND [SECONDS]]]]`
// registers instances with an embedded agent (1,000), changes their health at a rate (10,000 a second), and
// lets threads (8) read the latest view and pick an instance all the while. By the processor's time stamp
// counter over batches of 64; p50 and p99 of the batches, in nanoseconds an operation, of all readers
// together.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <x86intrin.h>

#include <discovery/agent.h>
#include <discovery/balance.h>

namespace {

using namespace discovery;
using namespace std::chrono_literals;

constexpr std::size_t kBatch = 64;

double ns_per_tick() {
  const auto wall = std::chrono::steady_clock::now();
  const std::uint64_t from = __rdtsc();
  std::this_thread::sleep_for(100ms);
  const std::uint64_t ticks = __rdtsc() - from;
  return static_cast<double>((std::chrono::steady_clock::now() - wall).count()) / static_cast<double>(ticks);
}

struct Reader {
  std::vector<std::uint32_t> ticks;  // of each batch
  std::uint64_t views = 0;
  std::uint64_t sink = 0;
};

void read(Watch<Instances>::Reader reader, const std::atomic<bool>& stop, std::uint64_t seed, Reader& out) {
  const BalancerPtr balancer = round_robin({.seed = seed});
  const View<Instances>* last = nullptr;
  (void)balancer->pick(reader.latest().value);
  while (!stop.load(std::memory_order_relaxed) && out.ticks.size() < out.ticks.capacity()) {
    const std::uint64_t from = __rdtsc();
    for (std::size_t i = 0; i < kBatch; ++i) {
      const View<Instances>& view = reader.latest();
      if (const auto pick = balancer->pick(view.value)) out.sink += pick->instance->port;
    }
    out.ticks.push_back(static_cast<std::uint32_t>(__rdtsc() - from));
    if (const View<Instances>* now = &reader.latest(); now != last) {
      last = now;
      ++out.views;
    }
  }
}

std::vector<Registration> register_all(Registry& registry, std::size_t count) {
  std::vector<ServiceSpec> specs;
  for (std::size_t i = 0; i < count; ++i) {
    ServiceSpec spec;
    spec.name = "web";
    spec.id = "web-" + std::to_string(i);
    spec.port = static_cast<std::uint16_t>(1024 + i % 60'000);
    CheckSpec check;
    check.probe = TtlCheck{1h};
    check.initial = Health::kPassing;
    spec.checks.push_back(check);
    specs.push_back(std::move(spec));
  }
  const auto began = std::chrono::steady_clock::now();
  auto registrations = registry.add_all(std::move(specs)).get();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
  if (!registrations.ok()) {
    std::fprintf(stderr, "%s\n", registrations.status().to_string().c_str());
    std::exit(1);
  }
  std::printf("%zu instances with a check each, as one command: %.1f ms\n", count, took.count());
  return *std::move(registrations);
}

/// Reports on one after the other, warning and passing in turn, at a rate; returns how many.
std::uint64_t change(std::vector<Registration>& registrations, double rate, std::chrono::seconds span) {
  const auto began = std::chrono::steady_clock::now();
  std::uint64_t done = 0;
  while (true) {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
    if (passed >= span) return done;
    for (const auto due = static_cast<std::uint64_t>(passed.count() * rate); done < due; ++done) {
      const bool well = (done / registrations.size()) % 2 == 1;
      (void)registrations[done % registrations.size()].report(well ? Health::kPassing : Health::kWarning);
    }
    std::this_thread::sleep_for(1ms);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int at, std::uint64_t usual) {
    return argc > at ? std::strtoull(argv[at], nullptr, 10) : usual;
  };
  const std::size_t instances = argument(1, 1'000);
  const std::size_t reader_count = argument(2, 8);
  const auto rate = static_cast<double>(argument(3, 10'000));
  const std::chrono::seconds span(argument(4, 5));

  auto agent = Agent::start({.node = "bench"});
  if (!agent.ok()) return 1;
  Registry registry = (*agent)->registry();
  std::vector<Registration> registrations = register_all(registry, instances);
  auto watch = registry.watch("web", {.passing_only = false});
  if (!watch.next().get().ok()) return 1;

  std::atomic<bool> stop{false};
  std::vector<Reader> readers(reader_count);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < reader_count; ++i) {
    threads.emplace_back([&, i, reader = watch.reader()]() mutable {
      readers[i].ticks.reserve(std::size_t{1} << 22);
      read(std::move(reader), stop, i, readers[i]);
    });
  }
  const std::uint64_t changes = change(registrations, rate, span);
  stop = true;
  for (std::thread& thread : threads) thread.join();

  const double ns = ns_per_tick();
  std::vector<std::uint32_t> ticks;
  std::uint64_t views = 0;
  for (const Reader& reader : readers) {
    ticks.insert(ticks.end(), reader.ticks.begin(), reader.ticks.end());
    views = std::max(views, reader.views);
  }
  std::sort(ticks.begin(), ticks.end());
  const auto at = [&](double part) {
    return static_cast<double>(
               ticks[static_cast<std::size_t>(part * static_cast<double>(ticks.size() - 1))]) *
           ns / kBatch;
  };
  std::printf(
      "%zu readers, %.0f changes a second, up to %llu views seen: latest() and pick p50 %.1f ns, p99 %.1f "
      "ns, "
      "p99.9 %.1f ns (%zu batches of %zu)\n",
      reader_count, static_cast<double>(changes) / static_cast<double>(span.count()),
      static_cast<unsigned long long>(views), at(0.5), at(0.99), at(0.999), ticks.size(), kBatch);
  return 0;
}
