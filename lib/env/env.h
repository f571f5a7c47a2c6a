#pragma once

/// \file
/// The one way to the outside world for everything below the front ends' sockets: time, timers, randomness,
/// streams, datagrams, files and log. Two worlds implement it: the real one (Asio and POSIX) and the
/// simulated one (virtual time, one seed, injected faults). Code that takes an `Env&` runs in both.
///
/// Threads: an Env belongs to one thread, its loop's. Only post() and the clocks may be called from others.
/// Blocking: nothing here blocks but the file calls, which are for start, shutdown and small files.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <discovery/async.h>
#include <discovery/env.h>
#include <discovery/status.h>

namespace discovery::env {

/// Where a socket is or goes to: an IP address with a port, or the path of a Unix socket.
struct Endpoint {
  std::string address{};   ///< "127.0.0.1", "::1"; the path of a Unix socket, then `port` is 0
  std::uint16_t port = 0;  ///< 0 asks listen() and bind() for a free one

  /// Whether this is a Unix socket: its address is a path, so it starts with a slash.
  bool is_unix() const noexcept { return address.starts_with('/'); }
  /// "127.0.0.1:80", "[::1]:80", or "unix:///path".
  std::string to_string() const;
  /// From "192.0.2.1", "192.0.2.1:53", "2001:db8::1" or "[2001:db8::1]:53"; none for anything else, such as
  /// a host's name.
  static std::optional<Endpoint> parse(std::string_view text, std::uint16_t default_port);
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// A timer. Destroying it cancels it: its callback then never runs.
class Timer {
 public:
  virtual ~Timer() = default;
  /// Runs `fire` once after `delay`; an earlier arming is forgotten.
  virtual void start(Duration delay, UniqueFunction<void()> fire) = 0;
  /// Forgets the arming.
  virtual void cancel() = 0;
};

/// A byte stream: TCP, a Unix socket, TLS above either, or a pipe of the simulation.
/// At most one read and one write may be under way. Callbacks come from the loop, never inside the call that
/// asked. Destroying the stream closes it and drops its callbacks without running them.
class Stream {
 public:
  using ReadDone = UniqueFunction<void(Result<std::size_t>)>;
  using WriteDone = UniqueFunction<void(Status)>;

  virtual ~Stream() = default;
  /// Reads at least one byte into `buffer`, which must stay until then; 0 is the peer's end of sending.
  virtual void read_some(std::span<char> buffer, ReadDone done) = 0;
  /// Writes all of `pieces`, at most kMaxPieces; the bytes must stay until `done`. The array itself is
  /// copied.
  virtual void write(std::span<const std::string_view> pieces, WriteDone done) = 0;
  /// Says that no more will be sent; what was written still arrives.
  virtual void shutdown_send() = 0;
  /// Ends both directions; pending callbacks get kCancelled.
  virtual void close() = 0;
  virtual const Endpoint& remote() const = 0;

  static constexpr std::size_t kMaxPieces = 4;
};

/// A listening stream socket. Destroying it stops listening.
class Listener {
 public:
  using Accepted = UniqueFunction<void(std::unique_ptr<Stream>)>;

  virtual ~Listener() = default;
  /// Calls `accepted` for each connection until the listener goes. Out of descriptors, it waits and goes on.
  virtual void start(Accepted accepted) = 0;
  /// Where it listens, with the port that was found.
  virtual const Endpoint& local() const = 0;
};

/// One datagram: where from or where to, and its bytes.
struct Datagram {
  Endpoint peer;
  std::string bytes;
};

/// A bound datagram socket. Destroying it closes it.
class DatagramSocket {
 public:
  using Received = UniqueFunction<void(Datagram&)>;

  virtual ~DatagramSocket() = default;
  /// Calls `received` for each datagram until the socket goes; its argument may be taken apart.
  virtual void start(Received received) = 0;
  /// Sends or, like the network, loses it.
  virtual void send(const Endpoint& to, std::string_view bytes) = 0;
  virtual const Endpoint& local() const = 0;
};

/// The files of one instance. All calls block until the disk has answered. They may be made on the loop, or
/// in the work of its Workers, one at a time for one file.
class Files {
 public:
  virtual ~Files() = default;
  /// The whole content. kNotFound, kPermissionDenied, kResourceExhausted (over `limit` bytes), kUnavailable.
  virtual Result<std::string> read(const std::string& path, std::size_t limit) = 0;
  /// Replaces the file's content at once and for good: a temporary file, synced, renamed over it, directory
  /// synced.
  virtual Status replace(const std::string& path, std::string_view content) = 0;
  /// kNotFound if there is none.
  virtual Status remove(const std::string& path) = 0;
  /// Gives a file another name in the same directory, for good; a file that has this name goes. kNotFound.
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  /// Removes from a directory what replace() was writing when the program or the machine stopped. kNotFound.
  virtual Status remove_leftovers(const std::string& directory) = 0;
  /// Names of the regular files in a directory, sorted; without those leftovers. kNotFound.
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
  /// Makes a directory and those above it; fine if it is there.
  virtual Status make_directory(const std::string& path) = 0;
  /// Takes a directory that is there for one owner: nobody else, in this process or another, gets it while
  /// what is returned lives; it is free again when the process ends in whatever way. Leaves no file. Where
  /// the file system knows no locks, everybody gets it. kUnavailable if somebody has it, kNotFound.
  virtual Result<std::shared_ptr<void>> lock_directory(const std::string& path) = 0;
};

/// Random numbers; good enough for ids and jitter, and in the real world unpredictable.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
  /// Uniform in [0, bound); 0 for bound 0.
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
  /// Uniform in [0, bound).
  Duration below(Duration bound) {
    return Duration(static_cast<std::int64_t>(below(static_cast<std::uint64_t>(bound.count()))));
  }
};

/// Somebody's long computations: what would keep the loop from others runs on other threads here (in the
/// simulation: later, in virtual time). Threads are started when there is work for them first, and shared by
/// all Workers of an env. Destroying it drops what has not begun and waits for what is running; no `done`
/// comes after that. Threads: the loop's.
class Workers {
 public:
  virtual ~Workers() = default;
  /// Runs `work` off the loop and destroys it there; then `done`, if there is one, on the loop. `work` may
  /// touch what is safe on any thread only, and should end soon once its owner wants to go.
  /// kResourceExhausted if too much of this owner's is under way, or there is no thread to be had: then
  /// neither of them runs, and both are destroyed.
  virtual Status run(UniqueFunction<void()> work, UniqueFunction<void()> done) = 0;
};

/// A program to run, and how it is watched.
struct ProcessOptions {
  /// The program, sought in PATH unless there is a slash in it, and its arguments. At least one.
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment{};  ///< added to this process's own
  std::string input{};                                             ///< its standard input
  std::size_t max_output = 4096;                ///< the last so many bytes of its two outputs are kept
  Duration timeout = std::chrono::seconds(30);  ///< then it is killed
};

/// How a program ended.
struct ProcessResult {
  int exit_code = 0;              ///< 128 and the number of the signal if it was ended by one
  bool timed_out = false;         ///< it was killed
  std::string output{};           ///< standard output and error, as they came
  std::uint64_t output_size = 0;  ///< how much there was
};

/// A running program in a process group of its own. Destroying it kills the group; its callback then never
/// runs.
class Process {
 public:
  virtual ~Process() = default;
};

/// What a socket needs beyond its endpoint.
struct ListenOptions {
  int backlog = 4096;                     ///< connections that wait to be accepted; the kernel may allow less
  bool reuse_port = false;                ///< several sockets share the port, the kernel spreads the load
  std::uint32_t unix_mode = 0;            ///< permission bits of a Unix socket; 0 leaves the process's own
  std::string unix_user{}, unix_group{};  ///< who owns a Unix socket, a name or a number; empty: this process
};

/// One world, seen from one loop.
class Env {
 public:
  virtual ~Env() = default;

  /// Runs `task` on the loop, never inside this call. Threads: from any.
  virtual void post(UniqueFunction<void()> task) = 0;
  /// Whether the calling thread is the loop's.
  virtual bool on_loop() const noexcept = 0;
  /// Threads: safe.
  virtual Clock& clock() = 0;
  virtual Random& random() = 0;
  virtual Files& files() = 0;
  /// Threads: safe.
  virtual LogSink& log() = 0;

  virtual std::unique_ptr<Timer> make_timer() = 0;
  /// Workers that take up to `limit` computations at a time, running or waiting for a thread.
  virtual std::unique_ptr<Workers> make_workers(std::size_t limit) = 0;
  /// The same for work that may wait for others for long: it has threads of its own, so that no computation
  /// waits behind it.
  virtual std::unique_ptr<Workers> make_waiting_workers(std::size_t limit) { return make_workers(limit); }
  /// kUnavailable (address in use, not local), kPermissionDenied; the message says which and what to do.
  virtual Result<std::unique_ptr<Listener>> listen(const Endpoint& at, const ListenOptions& options) = 0;
  /// kUnavailable, kDeadlineExceeded. `to` holds an IP address or a path, no name.
  virtual void connect(const Endpoint& to, Duration timeout,
                       UniqueFunction<void(Result<std::unique_ptr<Stream>>)> done) = 0;
  /// Finds the IP addresses of a name, in the order in which they should be tried; those of an address are
  /// itself. kNotFound (no such name), kUnavailable. The answer is not kept.
  virtual void resolve(const std::string& name,
                       UniqueFunction<void(Result<std::vector<std::string>>)> done) = 0;
  /// Runs a program; calls `done` from the loop once it has ended. A timeout kills its whole process group;
  /// what the program leaves behind when it ends by itself is left alone. kNotFound, kPermissionDenied,
  /// kInvalidArgument, kResourceExhausted, kUnavailable if it cannot be started.
  [[nodiscard]] virtual std::unique_ptr<Process> spawn(ProcessOptions options,
                                                       UniqueFunction<void(Result<ProcessResult>)> done) = 0;
  /// As listen().
  virtual Result<std::unique_ptr<DatagramSocket>> bind(const Endpoint& at, const ListenOptions& options) = 0;
};

}  // namespace discovery::env
