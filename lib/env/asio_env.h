#pragma once

#include <memory>
#include <string>
#include <vector>

#include <discovery/env.h>
#include <discovery/status.h>

#include "lib/env/env.h"

namespace asio {
class io_context;
}  // namespace asio

namespace discovery::env {

/// The real world: Asio's loop, run by one thread, and POSIX. The loop is its own, or a host's io_context
/// that one thread runs and that outlives it: then run(), stop() and run_some() are the host's business.
/// Threads: create, use and destroy it and all that it made on one thread, or hand it over as a whole (e.g.
/// set up, run() on another thread, join, destroy). post(), stop(), clock() and log() may be called from any.
class AsioEnv final : public Env {
 public:
  /// Takes clock, log and seed of `host`; where they are missing, uses the system's clocks, discards the log,
  /// and draws unpredictable random numbers. kUnavailable if the system gives no random numbers.
  static Result<std::unique_ptr<AsioEnv>> create(const Environment& host);
  ~AsioEnv() override;
  AsioEnv(const AsioEnv&) = delete;
  AsioEnv& operator=(const AsioEnv&) = delete;

  /// Runs callbacks until stop(). Blocks: yes. Called once.
  void run();
  /// Makes run() return soon; what has not run by then never does. Threads: any.
  void stop();
  /// Runs what is ready, waiting up to `timeout` for the first callback; returns whether there was one. For
  /// loops of one's own, e.g. in tests.
  bool run_some(Duration timeout);

  void post(UniqueFunction<void()> task) override;
  bool on_loop() const noexcept override;
  Clock& clock() override;
  Random& random() override;
  Files& files() override;
  LogSink& log() override;
  std::unique_ptr<Timer> make_timer() override;
  std::unique_ptr<Workers> make_workers(std::size_t limit) override;
  std::unique_ptr<Workers> make_waiting_workers(std::size_t limit) override;
  Result<std::unique_ptr<Listener>> listen(const Endpoint& at, const ListenOptions& options) override;
  void connect(const Endpoint& to, Duration timeout,
               UniqueFunction<void(Result<std::unique_ptr<Stream>>)> done) override;
  void resolve(const std::string& name, UniqueFunction<void(Result<std::vector<std::string>>)> done) override;
  std::unique_ptr<Process> spawn(ProcessOptions options,
                                 UniqueFunction<void(Result<ProcessResult>)> done) override;
  Result<std::unique_ptr<DatagramSocket>> bind(const Endpoint& at, const ListenOptions& options) override;

  /// For sockets that need more than Env offers. Their handlers must enter turns by run_turn().
  asio::io_context& context() noexcept;
  /// Runs a callback that came from context() as one that came from here.
  void run_turn(UniqueFunction<void()> callback);

 private:
  struct Parts;
  explicit AsioEnv(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace discovery::env
