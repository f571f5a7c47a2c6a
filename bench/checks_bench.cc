// Benchmarks of checks: `checks_bench memory`, `checks_bench cpu` and `checks_bench latency`; without a word,
// all of them. The agent's parts as the daemon has them, against an HTTP server in a process of its own.
// Figures on standard output.
//
//   memory   resident bytes a check: 5,000 services with an HTTP check less 5,000 without, after a round of
//            runs; the catalog's copies are left out (state_bench measures those)
//   cpu      the share of a core that 5,000 HTTP checks at 10 s take, and the time of one run
//   latency  from the answer that fails to the catalog's answer that shows it, among 1,000 checks at 1 s

#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "lib/agent/local_agent.h"
#include "lib/env/asio_env.h"
#include "lib/server/server.h"

namespace {

using namespace discovery;
using namespace std::chrono_literals;

constexpr std::size_t kChecks = 5000;

/// What the processes tell one another.
struct Shared {
  std::atomic<std::uint16_t> port{0};
  std::atomic<std::int64_t> failing{-1};      // the check that the target fails
  std::atomic<std::int64_t> failed_at_ns{0};  // when it has answered so first; 0: not yet
  std::atomic<std::uint64_t> answers{0};
  std::atomic<std::uint64_t> resident{0};
};

std::int64_t clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

std::size_t resident_bytes() {
  malloc_trim(0);
  std::size_t total = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * 4096;
}

/// Runs `work` in a process that goes when this one does.
template <class Work>
pid_t start_process(Work work) {
  std::fflush(stdout);  // or both would write what is there
  const pid_t child = fork();
  if (child < 0) std::abort();
  if (child > 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  work();
  std::fflush(stdout);
  _exit(0);
}

void wait_for(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0) std::abort();
}

/// Answers "GET /<number> ..." with 200, or 503 if that number is failing.
class Target {
 public:
  Target(env::Env& env, Shared& shared) : shared_(shared), listener_(*env.listen({"127.0.0.1", 0}, {})) {
    listener_->start([this](std::unique_ptr<env::Stream> stream) { serve(std::move(stream)); });
    shared_.port = listener_->local().port;
  }

 private:
  struct Connection {
    std::unique_ptr<env::Stream> stream;
    std::array<char, 1024> buffer;
  };

  void serve(std::unique_ptr<env::Stream> stream) {
    auto connection = std::make_shared<Connection>();
    connection->stream = std::move(stream);
    auto& raw = *connection;
    raw.stream->read_some(raw.buffer, [this, connection](const Result<std::size_t>& size) {
      if (!size || *size < 6) return;
      answer(connection);
    });
  }

  void answer(const std::shared_ptr<Connection>& connection) {
    static constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\"ok\"";
    static constexpr std::string_view kDown =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 6\r\n\r\n\"down\"";
    const bool fails = std::atoll(connection->buffer.data() + 5) == shared_.failing;
    if (fails && shared_.failed_at_ns == 0) shared_.failed_at_ns = clock_ns(CLOCK_MONOTONIC);
    ++shared_.answers;
    const std::array<std::string_view, 1> pieces = {fails ? kDown : kOk};
    connection->stream->write(pieces, [this, connection](const Status&) {
      connection->stream->read_some(connection->buffer, [connection](const Result<std::size_t>&) {});
    });
  }

  Shared& shared_;
  std::unique_ptr<env::Listener> listener_;
};

/// A Backend that keeps nothing.
class Nowhere final : public model::Backend {
 public:
  Async<model::SessionPtr> renew_session(std::string, Call) override {
    return Status(Code::kInternal, "not expected");
  }
  Async<model::Outcome> apply(model::Command, Call) override { return model::Outcome{++index_, true}; }
  Async<model::Answer> query(model::Query, model::Read) override {
    return Status(Code::kUnavailable, "there is nothing here");
  }
  std::unique_ptr<model::WatchHandle> watch(model::Query, model::Read, model::Sink&) override {
    return nullptr;
  }

 private:
  Index index_ = 0;
};

agent::AgentIdentity identity() {
  agent::AgentIdentity identity;
  identity.self.node_name = "node";
  identity.self.node_id = "40e4a748-2192-161a-0510-9bf59fe950b5";
  identity.self.datacenter = "dc1";
  identity.address = "127.0.0.1";
  return identity;
}

void run_for(env::AsioEnv& env, Duration time) {
  const Duration end = env.clock().monotonic() + time;
  while (env.clock().monotonic() < end) env.run_some(end - env.clock().monotonic());
}

/// Registers services, with an HTTP check each if there is an interval.
void add_services(agent::NodeAgent& agent, std::size_t count, std::uint16_t port, Duration interval) {
  for (std::size_t n = 0; n < count; ++n) {
    const std::string number = std::to_string(n);
    model::ServiceSpec spec;
    spec.service.name = "checked-" + number;
    spec.service.id = "c-" + number;
    spec.service.port = 9000;
    if (interval > Duration::zero()) {
      model::CheckSpec check;
      check.http = "http://127.0.0.1:" + std::to_string(port) + "/" + number;
      check.interval = interval;
      check.timeout = 1s;
      check.status = "passing";
      spec.checks.push_back(std::move(check));
    }
    std::move(agent.register_service(std::move(spec), {})).then([](const Result<Unit>& done) {
      if (!done.ok()) std::abort();
    });
  }
}

void measure_memory(Shared& shared, bool with_checks) {
  auto env = *env::AsioEnv::create({});
  Nowhere nowhere;
  agent::NodeAgent agent(*env, nowhere, identity(), {});
  run_for(*env, 100ms);
  const std::size_t before = resident_bytes();
  add_services(agent, kChecks, shared.port, with_checks ? Duration(10s) : Duration::zero());
  run_for(*env, with_checks ? 22s : 1s);
  shared.resident = resident_bytes() - before;
}

void bench_memory(Shared& shared) {
  std::array<double, 2> bytes{};
  for (const bool with_checks : {false, true}) {
    wait_for(start_process([&] { measure_memory(shared, with_checks); }));
    bytes.at(with_checks ? 1 : 0) = static_cast<double>(shared.resident) / kChecks;
  }
  std::printf("memory: %.0f bytes a check (a service: %.0f bytes)\n", bytes[1] - bytes[0], bytes[0]);
}

struct Daemon {
  Daemon() {
    if (!server.start().ok()) std::abort();
    agent.sync_after_start();
  }
  static server::ServerOptions options() {
    server::ServerOptions options;
    options.node.name = "node";
    options.node.address = "127.0.0.1";
    return options;
  }

  std::unique_ptr<env::AsioEnv> env = *env::AsioEnv::create({});
  server::Server server{*env, options()};
  agent::NodeAgent agent{*env, server, identity(), {}};
};

void bench_cpu(Shared& shared) {
  Daemon daemon;
  add_services(daemon.agent, kChecks, shared.port, 10s);
  run_for(*daemon.env, 12s);
  const std::uint64_t answers = shared.answers;
  const std::int64_t began = clock_ns(CLOCK_MONOTONIC);
  const std::int64_t cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  run_for(*daemon.env, 20s);
  const auto used = static_cast<double>(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu);
  const auto took = static_cast<double>(clock_ns(CLOCK_MONOTONIC) - began);
  std::printf("cpu: %.2f %% of a core for %zu checks at 10 s, %.1f us a run\n", 100 * used / took, kChecks,
              used / 1000 / static_cast<double>(shared.answers - answers));
}

void bench_latency(Shared& shared) {
  constexpr std::int64_t kAmong = 1000;
  Daemon daemon;
  add_services(daemon.agent, kAmong, shared.port, 1s);
  run_for(*daemon.env, 2s);
  std::vector<double> ms;
  for (std::int64_t i = 0; i < 40; ++i) {
    const std::int64_t number = i * 37 % kAmong;
    Index index = 0;
    std::int64_t seen_ns = 0;
    std::function<void()> ask = [&] {
      model::Read read;
      read.min_index = index;
      daemon.server.query(model::ListServiceChecks{"checked-" + std::to_string(number), {}}, read)
          .then([&](const Result<model::Answer>& answer) {
            if (!answer.ok()) std::abort();
            index = answer->meta.index;
            const auto& checks = std::get<model::Checks>(answer->value());
            if (!checks.empty() && checks.front()->status == "critical") {
              seen_ns = clock_ns(CLOCK_MONOTONIC);
            } else {
              daemon.env->post(ask);
            }
          });
    };
    shared.failed_at_ns = 0;
    ask();
    shared.failing = number;
    while (seen_ns == 0) daemon.env->run_some(1s);
    ms.push_back(static_cast<double>(seen_ns - shared.failed_at_ns) / 1e6);
  }
  std::sort(ms.begin(), ms.end());
  std::printf("latency: %.2f ms from a failing answer to the catalog, %.2f ms at most\n", ms[ms.size() / 2],
              ms.back());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string which = argc > 1 ? argv[1] : "";
  if (which != "memory" && which != "cpu" && which != "latency" && !which.empty()) {
    std::fprintf(stderr, "usage: checks_bench [memory|cpu|latency]\n");
    return 1;
  }
  void* const memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  auto& shared = *new (memory) Shared;
  const pid_t target = start_process([&] {
    const auto env = *env::AsioEnv::create({});
    const Target serving(*env, shared);
    env->run();
  });
  while (shared.port == 0) usleep(1000);
  if (which.empty() || which == "memory") bench_memory(shared);
  if (which.empty() || which == "cpu") wait_for(start_process([&] { bench_cpu(shared); }));
  if (which.empty() || which == "latency") wait_for(start_process([&] { bench_latency(shared); }));
  kill(target, SIGKILL);
  waitpid(target, nullptr, 0);
  return 0;
}
