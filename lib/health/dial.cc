#include "lib/health/dial.h"

#include <algorithm>
#include <utility>

#include "lib/base/strings.h"

namespace discovery::health {
namespace {

bool is_address(const std::string& host) {
  if (host.find(':') != std::string::npos) return true;
  return !host.empty() && host.find_first_not_of("0123456789.") == std::string::npos;
}

}  // namespace

Status dial_failure(const env::Endpoint& to, const Status& status) {
  const std::string where =
      to.is_unix() ? "dial unix " + to.address + ": " : "dial tcp " + to.to_string() + ": ";
  if (status.code() == Code::kDeadlineExceeded) return {status.code(), where + "i/o timeout"};
  const std::string_view message = status.message();
  const std::size_t colon = message.rfind(": ");
  const std::string_view reason = colon == std::string_view::npos ? message : message.substr(colon + 2);
  return {status.code(), where + "connect: " + base::to_lower(reason)};
}

class Dialer::Dialing final : public Attempt {
 public:
  Dialing(Dialer& dialer, std::uint16_t port, Duration timeout, Done done)
      : env_(dialer.env_), port_(port), deadline_(now() + timeout), done_(std::move(done)) {}

  std::weak_ptr<Dialing*> weak() const { return self_; }

  void connect_to(const Result<Addresses>& addresses) {
    if (!addresses.ok()) {
      return end(Status(Code::kUnavailable, "dial tcp: " + std::string(addresses.status().message())));
    }
    addresses_ = *addresses;
    next_address();
  }

  /// For a host that needs no lookup.
  void connect_to(std::string address) {
    addresses_.push_back(std::move(address));
    next_address();
  }

  /// A lookup takes as long as it takes; the wait for it is bounded.
  void bound_lookup() {
    timer_ = env_.make_timer();
    timer_->start(deadline_ - now(),
                  [this] { end(Status(Code::kDeadlineExceeded, "dial tcp: lookup: i/o timeout")); });
  }

 private:
  Duration now() const { return env_.clock().monotonic(); }

  void next_address() {
    timer_.reset();
    if (tried_ == addresses_.size()) {
      return end(last_.ok() ? Status(Code::kUnavailable, "dial tcp: lookup: no addresses") : last_);
    }
    ++tried_;
    // What is left is shared among the addresses that are left.
    const auto left = static_cast<std::int64_t>(addresses_.size() - tried_ + 1);
    const Duration timeout = std::max(deadline_ - now(), Duration(1)) / left;
    env_.connect(present(), timeout, [weak = weak()](Result<std::unique_ptr<env::Stream>> result) {
      if (const auto self = weak.lock()) (*self)->on_connected(std::move(result));
    });
  }

  env::Endpoint present() const { return {addresses_[tried_ - 1], port_}; }

  void on_connected(Result<std::unique_ptr<env::Stream>> result) {
    if (result.ok()) return end(std::move(result));
    if (last_.ok()) last_ = dial_failure(present(), result.status());  // the first one tells the most
    next_address();
  }

  void end(Result<std::unique_ptr<env::Stream>> result) {
    timer_.reset();
    auto done = std::move(done_);
    done(std::move(result));  // may destroy this
  }

  env::Env& env_;
  const std::uint16_t port_;
  const Duration deadline_;
  Done done_;
  Addresses addresses_;
  std::size_t tried_ = 0;
  Status last_;
  std::unique_ptr<env::Timer> timer_;
  const std::shared_ptr<Dialing*> self_ = std::make_shared<Dialing*>(this);
};

std::unique_ptr<Dialer::Attempt> Dialer::dial(const std::string& host, std::uint16_t port, Duration timeout,
                                              Done done) {
  auto dialing = std::make_unique<Dialing>(*this, port, timeout, std::move(done));
  if (is_address(host)) {
    dialing->connect_to(host);
    return dialing;
  }
  const Duration now = env_.clock().monotonic();
  if (names_.size() >= kMaxNames) {
    std::erase_if(names_, [&](const auto& entry) {
      return entry.second.until != Duration::zero() && entry.second.until <= now;
    });
  }
  const auto [entry, added] = names_.try_emplace(host);
  Name& name = entry->second;
  if (!added && name.until > now) {
    if (name.addresses.ok()) {
      dialing->connect_to(name.addresses);
      return dialing;
    }
  }
  const bool under_way = !added && name.until == Duration::zero();
  name.until = Duration::zero();
  name.waiting.push_back(dialing->weak());
  dialing->bound_lookup();
  if (!under_way) look_up(host);
  return dialing;
}

void Dialer::look_up(const std::string& host) {
  env_.resolve(host, [host, weak = std::weak_ptr(self_)](Result<Addresses> addresses) {
    const auto self = weak.lock();
    if (!self) return;
    if (addresses.ok() && addresses->empty()) {
      addresses = Status(Code::kNotFound, "lookup " + host + ": no such host");
    }
    Dialer& dialer = **self;
    Name& name = dialer.names_[host];
    const auto waiting = std::exchange(name.waiting, {});
    name.until = dialer.env_.clock().monotonic() + kNameLifetime;
    name.addresses = addresses;
    for (const auto& one : waiting) {
      if (const auto dialing = one.lock()) (*dialing)->connect_to(addresses);
    }
  });
}

}  // namespace discovery::health
