#include <algorithm>
#include <memory>
#include <utility>

#include "lib/env/sim_env.h"
#include "lib/env/sim_pipe.h"

namespace discovery::env {
namespace {

constexpr std::uint16_t kFirstFreePort = 32768;
/// How long a connection's first packet is waited for before it is sent again.
constexpr Duration kConnectRetry = std::chrono::seconds(1);

bool is_wildcard(const std::string& address) { return address == "0.0.0.0" || address == "::"; }

/// Whether a socket that is bound to `bound` gets what arrives for `address`.
bool takes(const std::string& bound, const std::string& address) {
  if (bound == address) return true;
  const bool v6 = address.find(':') != std::string::npos;
  return !address.starts_with('/') && bound == (v6 ? "::" : "0.0.0.0");
}

}  // namespace

/// A listening socket, known to its machine as long as it lives.
class SimListening final : public Listener {
 public:
  SimListening(SimEnv& machine, Endpoint local) : machine_(machine), local_(std::move(local)) {
    machine_.listeners_.push_back(this);
  }
  SimListening(const SimListening&) = delete;
  SimListening& operator=(const SimListening&) = delete;
  ~SimListening() override { std::erase(machine_.listeners_, this); }

  void start(Accepted accepted) override { accepted_ = std::move(accepted); }
  const Endpoint& local() const override { return local_; }
  bool started() const noexcept { return static_cast<bool>(accepted_); }

  void accept(std::unique_ptr<Stream> stream) {
    SimEnv& machine = machine_;
    Accepted accepted = std::move(accepted_);
    accepted(std::move(stream));
    // The callback may have ended this listener.
    const auto& known = machine.listeners_;
    if (std::find(known.begin(), known.end(), this) != known.end()) accepted_ = std::move(accepted);
  }

 private:
  SimEnv& machine_;
  const Endpoint local_;
  Accepted accepted_;
};

/// A bound datagram socket, known to its machine as long as it lives.
class SimDatagrams final : public DatagramSocket {
 public:
  SimDatagrams(SimEnv& machine, Endpoint local) : machine_(machine), local_(std::move(local)) {
    machine_.datagram_sockets_.push_back(this);
  }
  SimDatagrams(const SimDatagrams&) = delete;
  SimDatagrams& operator=(const SimDatagrams&) = delete;
  ~SimDatagrams() override { std::erase(machine_.datagram_sockets_, this); }

  void start(Received received) override { received_ = std::move(received); }
  const Endpoint& local() const override { return local_; }
  void send(const Endpoint& to, std::string_view bytes) override;

  void receive(Datagram datagram) {
    if (!received_) return;
    SimEnv& machine = machine_;
    Received received = std::move(received_);
    received(datagram);
    const auto& known = machine.datagram_sockets_;
    if (std::find(known.begin(), known.end(), this) != known.end()) received_ = std::move(received);
  }

 private:
  void send_once(SimEnv& target, const Endpoint& to, const Endpoint& from, std::string_view bytes);

  SimEnv& machine_;
  const Endpoint local_;
  Received received_;
};

void SimDatagrams::send(const Endpoint& to, std::string_view bytes) {
  constexpr std::size_t kLargest = 65507;  // of UDP over IPv4
  Simulation& world = machine_.world_;
  SimEnv* target = world.find(machine_, to.address);
  if (target == nullptr || bytes.size() > kLargest) return;
  const Endpoint from{target == &machine_ && Simulation::is_loopback(to.address) ? to.address
                      : is_wildcard(local_.address)                              ? machine_.address_
                                                                                 : local_.address,
                      local_.port};
  send_once(*target, to, from, bytes);
  if (world.happens(world.link(machine_, *target).duplicate)) send_once(*target, to, from, bytes);
}

void SimDatagrams::send_once(SimEnv& target, const Endpoint& to, const Endpoint& from,
                             std::string_view bytes) {
  Simulation& world = machine_.world_;
  const LinkOptions& link = world.link(machine_, target);
  Duration delay = world.random_delay(link);
  if (world.happens(link.reorder)) delay += world.random().below(10 * link.max_delay);
  if (world.happens(link.loss) || world.blocked(machine_, target)) return;
  world.note(std::hash<std::string_view>{}(bytes));
  world.schedule(target, delay, [&target, to, datagram = Datagram{from, std::string(bytes)}]() mutable {
    if (auto* socket = SimEnv::find_socket(target.datagram_sockets_, to))
      socket->receive(std::move(datagram));
  });
}

/// One attempt to connect; the events about it hold it.
class SimConnector final : public std::enable_shared_from_this<SimConnector> {
 public:
  using Done = UniqueFunction<void(Result<std::unique_ptr<Stream>>)>;

  SimConnector(SimEnv& from, Endpoint to, Done done)
      : from_(from), to_(std::move(to)), done_(std::move(done)) {}

  void start(Duration timeout) {
    Simulation& world = from_.world_;
    timeout_ = world.schedule(from_, timeout, [self = shared_from_this()] {
      self->finish(
          Status(Code::kDeadlineExceeded, "cannot connect to " + self->to_.to_string() + " in time"));
    });
    target_ = world.find(from_, to_.address);
    if (target_ != nullptr) attempt();
  }

 private:
  Duration delay() { return from_.world_.random_delay(from_.world_.link(from_, *target_)); }

  void attempt() {
    Simulation& world = from_.world_;
    world.schedule_at(world.now() + delay(), [self = shared_from_this()] { self->arrive(); });
  }

  void arrive() {
    Simulation& world = from_.world_;
    if (!done_ || from_.life_ != life_) return;
    if (!target_->running() || world.blocked(from_, *target_)) {
      world.schedule(from_, kConnectRetry, [self = shared_from_this()] { self->attempt(); });
      return;
    }
    SimListening* listener = SimEnv::find_socket(target_->listeners_, to_);
    if (listener == nullptr || !listener->started()) {
      world.schedule(from_, delay(), [self = shared_from_this()] {
        self->finish(Status(Code::kUnavailable,
                            "cannot connect to " + self->to_.to_string() + ": connection refused"));
      });
      return;
    }
    const auto pipe = SimPipe::make(world, {&from_, to_}, {target_, client_endpoint()});
    world.schedule(from_, delay(), [self = shared_from_this(), stream = pipe->stream(0)]() mutable {
      self->finish(std::move(stream));
    });
    world.schedule(*target_, Duration::zero(),
                   [target = target_, to = to_, stream = pipe->stream(1)]() mutable {
                     if (auto* found = SimEnv::find_socket(target->listeners_, to))
                       found->accept(std::move(stream));
                   });
  }

  Endpoint client_endpoint() {
    if (to_.is_unix()) return to_;
    return {Simulation::is_loopback(to_.address) ? to_.address : from_.address_, from_.free_port()};
  }

  void finish(Result<std::unique_ptr<Stream>> result) {
    if (!done_) return;
    from_.world_.events_.cancel(timeout_);
    Done done = std::move(done_);
    done(std::move(result));
  }

  SimEnv& from_;
  const std::uint64_t life_ = from_.life_;
  const Endpoint to_;
  SimEnv* target_ = nullptr;
  SimEvents::Id timeout_;
  Done done_;
};

std::uint16_t SimEnv::free_port() {
  // No machine of a test has tens of thousands of sockets: the next number is free.
  last_port_ = std::max(kFirstFreePort, static_cast<std::uint16_t>(last_port_ + 1));
  return last_port_;
}

template <class Socket>
Result<Endpoint> SimEnv::choose_port(const std::vector<Socket*>& sockets, const Endpoint& at,
                                     bool reuse_port) {
  const bool local = at.is_unix() || is_wildcard(at.address) || Simulation::is_loopback(at.address) ||
                     at.address == address_;
  if (!local) {
    return Status(Code::kUnavailable,
                  "cannot listen on " + at.to_string() + ": no interface of this machine has this address");
  }
  if (!at.is_unix() && at.port == 0) return Endpoint{at.address, free_port()};
  const bool taken = std::any_of(sockets.begin(), sockets.end(), [&](const Socket* socket) {
    const Endpoint& other = socket->local();
    return other.port == at.port && (takes(other.address, at.address) || takes(at.address, other.address));
  });
  if (taken && !reuse_port) {
    return Status(Code::kUnavailable,
                  "cannot listen on " + at.to_string() +
                      ": address already in use; stop the program that has it or choose another");
  }
  return at;
}

template <class Socket>
Socket* SimEnv::find_socket(const std::vector<Socket*>& sockets, const Endpoint& to) {
  const auto found = std::find_if(sockets.begin(), sockets.end(), [&](const Socket* socket) {
    return socket->local().port == to.port && takes(socket->local().address, to.address);
  });
  return found == sockets.end() ? nullptr : *found;
}

Result<std::unique_ptr<Listener>> SimEnv::listen(const Endpoint& at, const ListenOptions& options) {
  Result<Endpoint> local = choose_port(listeners_, at, options.reuse_port);
  if (!local) return local.status();
  return std::unique_ptr<Listener>(std::make_unique<SimListening>(*this, std::move(*local)));
}

void SimEnv::connect(const Endpoint& to, Duration timeout,
                     UniqueFunction<void(Result<std::unique_ptr<Stream>>)> done) {
  std::make_shared<SimConnector>(*this, to, std::move(done))->start(timeout);
}

Result<std::unique_ptr<DatagramSocket>> SimEnv::bind(const Endpoint& at, const ListenOptions& options) {
  if (at.is_unix()) return invalid_argument("datagrams go to IP addresses only, not to " + at.to_string());
  Result<Endpoint> local = choose_port(datagram_sockets_, at, options.reuse_port);
  if (!local) return local.status();
  return std::unique_ptr<DatagramSocket>(std::make_unique<SimDatagrams>(*this, std::move(*local)));
}

}  // namespace discovery::env
