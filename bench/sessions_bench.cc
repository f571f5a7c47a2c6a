// Benchmarks of sessions: `sessions_bench [count]`, 100,000 by default. A server as the daemon has it, whose
// sessions have a TTL of 15 s and are renewed by their holders in the same process every 5 s, each at its own
// time. Figures on standard output: resident bytes a session, the time that making and renewing one takes,
// and the share of a core that keeping all of them alive takes.

#include <malloc.h>
#include <time.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "lib/env/asio_env.h"
#include "lib/server/server.h"

namespace {

using namespace discovery;
using namespace std::chrono_literals;

constexpr Duration kRenewal = 5s;
constexpr Duration kSlice = 10ms;

std::int64_t clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}
double cpu_us() { return static_cast<double>(clock_ns(CLOCK_PROCESS_CPUTIME_ID)) / 1000; }

std::size_t resident_bytes() {
  malloc_trim(0);
  std::size_t total = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * 4096;
}

server::ServerOptions options() {
  server::ServerOptions options;
  options.node.name = "node";
  options.node.address = "127.0.0.1";
  return options;
}

std::string create(server::Server& server) {
  model::SessionCommand command;
  command.session.node = "node";
  command.session.ttl = "15s";
  command.session.node_checks = model::Tags{model::kSerfHealth};
  std::string id;
  server.apply(std::move(command), {}).then([&](const Result<model::Outcome>& outcome) {
    if (!outcome.ok()) std::abort();
    id = outcome->session.str();
  });
  return id;
}

void renew(server::Server& server, const std::string& id) {
  server.renew_session(id, {}).then([](const Result<model::SessionPtr>& session) {
    if (!session.ok()) std::abort();
  });
}

/// Runs `work` on the loop, as those who are there already.
template <class Work>
void on_loop(env::AsioEnv& env, Work work) {
  bool done = false;
  env.post([&] {
    work();
    done = true;
  });
  while (!done) env.run_some(kSlice);
}

/// Renews all sessions once in kRenewal, a share of them in each slice of time, and lets the server's own
/// timers run in between.
class Holders {
 public:
  Holders(env::AsioEnv& env, server::Server& server, const std::vector<std::string>& ids)
      : env_(env), server_(server), ids_(ids), timer_(env.make_timer()) {}

  void keep_alive(Duration time) {
    begin_ = env_.clock().monotonic();
    done_ = 0;
    timer_->start(kSlice, [this] { renew_some(); });
    while (env_.clock().monotonic() < begin_ + time) env_.run_some(kSlice);
    timer_->cancel();
  }
  std::uint64_t renewals() const { return done_; }

 private:
  void renew_some() {
    const auto passed = static_cast<std::uint64_t>((env_.clock().monotonic() - begin_) / 1us);
    const std::uint64_t due = passed * ids_.size() / static_cast<std::uint64_t>(kRenewal / 1us);
    for (; done_ < due; ++done_) renew(server_, ids_[done_ % ids_.size()]);
    timer_->start(kSlice, [this] { renew_some(); });
  }

  env::AsioEnv& env_;
  server::Server& server_;
  const std::vector<std::string>& ids_;
  std::unique_ptr<env::Timer> timer_;
  Duration begin_{};
  std::uint64_t done_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  if (count == 0) {
    std::fprintf(stderr, "usage: sessions_bench [count]\n");
    return 1;
  }
  const auto env = *env::AsioEnv::create({});
  server::Server server(*env, options());
  std::vector<std::string> ids(count, std::string(36, 'x'));
  on_loop(*env, [&] {
    if (!server.start().ok()) std::abort();
    create(server);  // what the first one needs is not counted
  });

  const std::size_t before = resident_bytes();
  const double began_us = cpu_us();
  on_loop(*env, [&] {
    for (std::string& id : ids) id = create(server);
  });
  const double create_us = (cpu_us() - began_us) / static_cast<double>(count);
  Holders holders(*env, server, ids);
  holders.keep_alive(2 * kRenewal);
  const std::size_t resident = resident_bytes() - before;
  std::printf("memory: %.0f bytes a session\n", static_cast<double>(resident) / static_cast<double>(count));
  std::printf("create: %.2f us\n", create_us);

  // Long enough for all of them to have moved in the timers, which they do once in their TTL.
  const double cpu = cpu_us();
  const std::int64_t began = clock_ns(CLOCK_MONOTONIC);
  holders.keep_alive(40s);
  const double used_us = cpu_us() - cpu;
  const double took_us = static_cast<double>(clock_ns(CLOCK_MONOTONIC) - began) / 1000;
  if (server.sessions_with_ttl() < count) std::abort();  // none was lost
  std::printf("keeping %zu alive: %.2f %% of a core, %.2f us a renewal\n", count, 100 * used_us / took_us,
              used_us / static_cast<double>(holders.renewals()));
  return 0;
}
