#include <memory>
#include <string>
#include <utility>

#include "lib/metrics/sink.h"

namespace discovery::metrics {
namespace {

class DatagramSink final : public SinkBase {
 public:
  using SinkBase::SinkBase;

  void push(std::span<const Event> events) override {
    if (socket_ == nullptr) return drop(events);
    if (!is_address() && parts_.env.clock().monotonic() >= look_up_again_) {
      look_up_again_ = parts_.env.clock().monotonic() + kNameLifetime;
      look_up();
    }
    for (const Event& event : events) {
      line_.clear();
      parts_.writer.append(line_, *event.series, event.value);
      if (packet_.size() + line_.size() > kMaxPacket) send();
      packet_ += line_;
    }
    send();
  }

 private:
  bool is_address() const { return env::Endpoint::parse(parts_.host, 0).has_value(); }

  void found(const env::Endpoint& at) override {
    to_ = at;
    look_up_again_ = parts_.env.clock().monotonic() + kNameLifetime;
    const bool is_v6 = at.address.find(':') != std::string::npos;
    if (socket_ != nullptr && is_v6 == is_v6_) return;
    is_v6_ = is_v6;
    auto socket = parts_.env.bind({is_v6 ? "::" : "0.0.0.0", 0}, {});
    if (!socket.ok()) return fail(socket.status());
    socket_ = *std::move(socket);
    recover();
  }

  void send() {
    if (packet_.empty()) return;
    socket_->send(to_, packet_);
    packet_.clear();
  }

  std::unique_ptr<env::DatagramSocket> socket_;
  env::Endpoint to_;
  bool is_v6_ = false;
  Duration look_up_again_{};
  std::string line_, packet_;
};

}  // namespace

std::unique_ptr<Sink> make_datagram_sink(SinkParts parts) {
  return std::make_unique<DatagramSink>(std::move(parts));
}

}  // namespace discovery::metrics
