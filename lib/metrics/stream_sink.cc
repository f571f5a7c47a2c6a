#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "lib/metrics/sink.h"

namespace discovery::metrics {
namespace {

constexpr Duration kConnectTimeout = std::chrono::seconds(5);

class StreamSink final : public SinkBase {
 public:
  using SinkBase::SinkBase;

  void push(std::span<const Event> events) override {
    if (stream_ == nullptr) return drop(events);
    std::uint64_t dropped = 0;
    for (const Event& event : events) {
      if (waiting_.size() >= kMaxWaiting) {
        ++dropped;
        continue;
      }
      parts_.writer.append(waiting_, *event.series, event.value);
    }
    drop(dropped);
    write();
  }

 private:
  void found(const env::Endpoint& at) override {
    parts_.env.connect(at, kConnectTimeout, [self = self_](Result<std::unique_ptr<env::Stream>> stream) {
      if (*self != nullptr) static_cast<StreamSink*>(*self)->connected(std::move(stream));
    });
  }

  void connected(Result<std::unique_ptr<env::Stream>> stream) {
    if (!stream.ok()) return fail(stream.status());
    stream_ = *std::move(stream);
    recover();
    listen();
  }

  /// Nobody says anything here; but the end of the connection is seen at once.
  void listen() {
    stream_->read_some(heard_, [this](const Result<std::size_t>& size) {
      if (size.ok() && *size > 0) return listen();
      lose(size.ok() ? Status(Code::kUnavailable, "the connection was closed") : size.status());
    });
  }

  void write() {
    if (!sending_.empty() || waiting_.empty()) return;
    sending_.swap(waiting_);
    const std::string_view piece = sending_;
    stream_->write({&piece, 1}, [this](const Status& status) {
      if (!status.ok()) return lose(status);
      sending_.clear();
      write();
    });
  }

  void lose(const Status& why) {
    std::uint64_t lines = 0;
    for (const std::string* text : {&waiting_, &sending_}) {
      for (const char c : *text) lines += c == '\n' ? 1U : 0U;
    }
    stream_.reset();  // and with it the callbacks
    waiting_.clear();
    sending_.clear();
    drop(lines);
    fail(why);
  }

  std::array<char, 256> heard_{};
  std::string waiting_, sending_;
  std::unique_ptr<env::Stream> stream_;
};

}  // namespace

std::unique_ptr<Sink> make_stream_sink(SinkParts parts) {
  return std::make_unique<StreamSink>(std::move(parts));
}

}  // namespace discovery::metrics
