#pragma once

/// \file
/// The simulated world: any number of machines in one process and one thread, under virtual time, with one
/// seed. The same seed and the same calls give the same run, event for event.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <discovery/env.h>
#include <discovery/types.h>

#include "lib/env/env.h"
#include "lib/env/random.h"
#include "lib/env/sim_events.h"
#include "lib/env/sim_files.h"

namespace discovery::env {

class SimConnector;
class SimDatagrams;
class SimEnv;
class SimListening;
class SimPipe;
class SimTimer;
class SimWorkers;

/// What lies between two machines. Probabilities are per datagram, or per segment of a stream.
struct LinkOptions {
  Duration min_delay = std::chrono::microseconds(100);  ///< delays are uniform between the two, one way
  Duration max_delay = std::chrono::microseconds(500);
  double loss = 0;                    ///< datagrams vanish; segments of a stream come late, as if sent again
  double duplicate = 0;               ///< datagrams come twice
  double reorder = 0;                 ///< datagrams take up to ten times max_delay
  std::size_t segment_bytes = 16384;  ///< streams arrive in pieces of at most this size; 1 is byte by byte
  std::size_t window_bytes = 65536;   ///< what a stream takes before its reader must read
};

/// One line that a machine has logged.
struct SimLogLine {
  Duration at{};
  Level level = Level::kInfo;
  std::string unit;
  std::string message;
};

/// What a simulated program does.
struct SimProgram {
  Duration takes{};  ///< how long it runs
  int exit_code = 0;
  std::string output{};
};

/// The world: time, machines, network. It outlives everything that its machines have made.
/// Threads: one. A SimEnv's post() is no exception.
class Simulation {
 public:
  explicit Simulation(std::uint64_t seed);
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  /// Adds a machine. `address` must be unlike all others; empty gives 10.0.0.1, 10.0.0.2 and so on.
  SimEnv& add_env(const std::string& name, std::string address = {});

  /// Virtual time since the world began.
  Duration now() const noexcept { return now_; }
  /// Runs the next event, if there is one.
  bool step();
  /// Runs what is due within `span`; then that much time has passed.
  void run_for(Duration span);
  /// Runs until `reached` is true, at most for `limit`; returns whether it is. Asks before the first event
  /// and after each.
  bool run_until(const std::function<bool()>& reached, Duration limit);

  /// How all machines, or two, are linked. Counts for what is sent from now on.
  void set_link(const LinkOptions& options) { link_ = options; }
  void set_link(const SimEnv& a, const SimEnv& b, const LinkOptions& options);
  /// Nothing passes between two machines: datagrams are lost, streams stall and break after kStreamPatience.
  void block(const SimEnv& a, const SimEnv& b);
  void unblock(const SimEnv& a, const SimEnv& b);
  /// Breaks all streams between two machines off, or those of one machine with itself.
  void reset_streams(const SimEnv& a, const SimEnv& b);
  /// A machine loses power: nothing that it had under way goes on, its peers hear nothing, what it had not
  /// synced is gone. Its program's objects are to be destroyed then.
  void crash(SimEnv& machine);
  /// It is back, with its synced files. Its old streams break at the peers when they use them.
  void restart(SimEnv& machine);
  /// Everything on a machine stops for `span`, as by SIGSTOP, and then goes on: what fell due meanwhile,
  /// timers, tasks and what came over the network, happens late, in the order in which it fell due. Its
  /// clocks run on, and its kernel accepts connections and bytes. A second pause within the first one extends
  /// it. What is called on the machine meanwhile is not held back: it is for the caller to call nothing.
  void pause(SimEnv& machine, Duration span);

  /// A digest of all events that have run. Two runs that differ anywhere differ here.
  std::uint64_t trace() const noexcept { return trace_; }

  static constexpr Duration kStreamPatience = std::chrono::seconds(15);
  static constexpr Duration kRetransmission = std::chrono::milliseconds(200);
  /// A stream whose peer is gone without a word finds out by probes, as real ones do that are idle.
  static constexpr Duration kProbeInterval = std::chrono::seconds(15);
  static constexpr int kProbes = 9;

 private:
  friend class SimConnector;
  friend class SimDatagrams;
  friend class SimEnv;
  friend class SimListening;
  friend class SimPipe;
  friend class SimTimer;
  friend class SimWorkers;
  using Pair = std::pair<std::size_t, std::size_t>;

  /// Runs `run` on a machine, unless it has crashed by then.
  SimEvents::Id schedule(SimEnv& on, Duration delay, UniqueFunction<void()> run);
  /// Runs `run` in the network, whatever becomes of the machines.
  SimEvents::Id schedule_at(Duration at, UniqueFunction<void()> run);
  /// The machine that an address leads to; null if there is none.
  SimEnv* find(SimEnv& from, const std::string& address);
  const LinkOptions& link(const SimEnv& a, const SimEnv& b) const;
  bool blocked(const SimEnv& a, const SimEnv& b) const;
  Duration random_delay(const LinkOptions& options);
  bool happens(double probability);
  Random& random() noexcept { return random_; }
  static bool is_loopback(const std::string& address);
  void note(std::uint64_t value) noexcept;
  static Pair pair_of(const SimEnv& a, const SimEnv& b);

  Duration now_{};
  SimEvents events_;
  SeededRandom random_;
  std::uint64_t seed_;
  std::uint64_t trace_ = 0;
  LinkOptions link_;
  LinkOptions loopback_;
  std::map<Pair, LinkOptions> links_;
  std::set<Pair> blocked_;
  std::vector<std::weak_ptr<SimPipe>> pipes_;  // forgotten ones are swept as it grows
  std::vector<std::unique_ptr<SimEnv>> machines_;
};

/// One machine of a simulated world.
class SimEnv final : public Env, private Clock, private LogSink {
 public:
  SimEnv(Simulation& world, std::size_t number, std::string name, std::string address, std::uint64_t seed);

  const std::string& name() const noexcept { return name_; }
  const std::string& address() const noexcept { return address_; }
  bool running() const noexcept { return running_; }
  /// Becomes false before anything of what the machine has missed happens.
  bool paused() const noexcept { return paused_; }
  /// Sets how far this machine's time of day is off.
  void set_wall_skew(Duration skew) { wall_skew_ = skew; }
  SimFiles& sim_files() noexcept { return files_; }
  /// What it has logged, the last kLogLines of it.
  const std::deque<SimLogLine>& log_lines() const noexcept { return log_lines_; }

  /// Installs a program, by the name that it is started with: what is called tells how a run goes.
  void set_program(const std::string& name, std::function<SimProgram(const ProcessOptions&)> program) {
    programs_[name] = std::move(program);
  }

  void post(UniqueFunction<void()> task) override;
  bool on_loop() const noexcept override { return true; }
  Clock& clock() override { return *this; }
  Random& random() override { return random_; }
  Files& files() override { return files_; }
  LogSink& log() override { return *this; }
  std::unique_ptr<Timer> make_timer() override;
  /// One computation at a time runs on a machine: it begins a little later, sees the world as it is then, and
  /// is done some time after that.
  std::unique_ptr<Workers> make_workers(std::size_t limit) override;
  Result<std::unique_ptr<Listener>> listen(const Endpoint& at, const ListenOptions& options) override;
  void connect(const Endpoint& to, Duration timeout,
               UniqueFunction<void(Result<std::unique_ptr<Stream>>)> done) override;
  /// Knows the machines by their names, and "localhost".
  void resolve(const std::string& name, UniqueFunction<void(Result<std::vector<std::string>>)> done) override;
  std::unique_ptr<Process> spawn(ProcessOptions options,
                                 UniqueFunction<void(Result<ProcessResult>)> done) override;
  Result<std::unique_ptr<DatagramSocket>> bind(const Endpoint& at, const ListenOptions& options) override;

  static constexpr std::size_t kLogLines = 100000;

 private:
  friend class SimConnector;
  friend class SimDatagrams;
  friend class SimListening;
  friend class SimPipe;
  friend class SimTimer;
  friend class SimWorkers;
  friend class Simulation;

  Duration monotonic() override;
  std::chrono::system_clock::time_point wall() override;
  void write(Level level, std::string_view unit, std::string_view message) noexcept override;

  /// Finds a free port where none is asked for, and refuses one that is taken in `sockets`.
  template <class Socket>
  Result<Endpoint> choose_port(const std::vector<Socket*>& sockets, const Endpoint& at, bool reuse_port);
  /// The socket that an arrival for `to` belongs to.
  template <class Socket>
  static Socket* find_socket(const std::vector<Socket*>& sockets, const Endpoint& to);
  std::uint16_t free_port();

  Simulation& world_;
  const std::size_t number_;
  const std::string name_;
  const std::string address_;
  SeededRandom random_;
  SimFiles files_;
  Duration wall_skew_{};
  bool running_ = true;
  bool paused_ = false;
  Duration pause_end_{};
  std::uint64_t life_ = 1;  // goes up with each crash
  std::uint16_t last_port_ = 0;
  Duration workers_busy_until_{};
  std::vector<SimListening*> listeners_;
  std::vector<SimDatagrams*> datagram_sockets_;
  std::deque<SimLogLine> log_lines_;
  std::map<std::string, std::function<SimProgram(const ProcessOptions&)>> programs_;
};

}  // namespace discovery::env
