// TCP checks: whether something accepts connections
// (https://developer.hashicorp.com/consul/docs/services/usage/checks#tcp-checks).

#include <chrono>
#include <utility>

#include "lib/health/probe.h"
#include "lib/health/url.h"

namespace discovery::health {
namespace {

constexpr Duration kDefaultTimeout = std::chrono::seconds(10);

class TcpProbe final : public Probe {
 public:
  TcpProbe(ProbeWorld& world, std::string target, Duration timeout)
      : world_(world), target_(std::move(target)), timeout_(timeout) {}

  void start(Done done) override {
    done_ = std::move(done);
    const auto target = split_host_port(target_);
    if (!target.ok()) {
      timer_ = world_.env.make_timer();
      timer_->start(Duration::zero(), [this, why = "dial tcp: " + std::string(target.status().message())] {
        end({Health::kCritical, 0, why});
      });
      return;
    }
    attempt_ = world_.dialer.dial(
        target->first, target->second, timeout_, [this](const Result<std::unique_ptr<env::Stream>>& stream) {
          if (!stream.ok()) {
            return end({Health::kCritical, 0, std::string(stream.status().message())});
          }
          end({Health::kPassing, 0, "TCP connect " + target_ + ": Success"});
        });
  }

 private:
  void end(ProbeResult result) {
    auto done = std::move(done_);
    const auto attempt = std::move(attempt_);
    const auto timer = std::move(timer_);
    done(std::move(result));  // may destroy this
  }

  ProbeWorld& world_;
  const std::string target_;
  const Duration timeout_;
  Done done_;
  std::unique_ptr<Dialer::Attempt> attempt_;
  std::unique_ptr<env::Timer> timer_;
};

}  // namespace

std::unique_ptr<Probe> make_tcp_probe(ProbeWorld& world, const model::CheckSpec& spec) {
  return std::make_unique<TcpProbe>(world, spec.tcp,
                                    spec.timeout > Duration::zero() ? spec.timeout : kDefaultTimeout);
}

}  // namespace discovery::health
