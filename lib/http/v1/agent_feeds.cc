#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "lib/env/log_tap.h"
#include "lib/http/v1/endpoints.h"
#include "lib/metrics/registry.h"

namespace discovery::http::v1 {
namespace {

/// How soon a line of the log is sent.
constexpr Duration kLogInterval = std::chrono::milliseconds(200);
/// What of the log waits for a client that is slow to take it; what does not fit is left out.
constexpr std::size_t kMaxWaitingLog = 512U << 10;

/// Lines of the log that wait to be sent. Threads: safe.
class LogBuffer {
 public:
  LogBuffer(bool json, Clock& clock) : json_(json), clock_(clock) {}

  void add(const env::LogLine& line) {
    const std::string text =
        json_ ? env::format_log_json(line, clock_.wall()) : env::format_log_text(line, clock_.wall());
    const std::lock_guard lock(mutex_);
    if (text_.size() + text.size() <= kMaxWaitingLog) {
      text_ += text;
    } else {
      ++left_out_;
    }
  }

  /// Takes all that waits, with a word on what is missing.
  void take(std::string& out) {
    std::uint64_t left_out = 0;
    {
      const std::lock_guard lock(mutex_);
      out.swap(text_);
      left_out = std::exchange(left_out_, 0);
    }
    if (left_out == 0) return;
    const std::string message = std::to_string(left_out) + " lines left out: the client is too slow";
    const env::LogLine line{Level::kWarn, "monitor", message};
    out += json_ ? env::format_log_json(line, clock_.wall()) : env::format_log_text(line, clock_.wall());
  }

 private:
  const bool json_;
  Clock& clock_;
  std::mutex mutex_;  // guards what follows
  std::string text_;
  std::uint64_t left_out_ = 0;
};

bool wants_prometheus(const Request& request) {
  if (request.params.get("format") == "prometheus") return true;
  const std::string_view accept = request.message.header("Accept");
  return accept.find("application/openmetrics-text") != std::string_view::npos ||
         (accept.find("text/plain") != std::string_view::npos &&
          accept.find("version=0.4.0") != std::string_view::npos);
}

/// The registry; or answers that there is none and returns null.
metrics::Registry* registry_of(const Request& request, Reply& reply) {
  metrics::Registry* registry = request.context.around.metrics;
  if (registry == nullptr) std::move(reply).text(501, "nothing is measured by this agent");
  return registry;
}

bool refuse_if_full(const Request& request, Reply& reply) {
  if (!request.context.feeds.full()) return false;
  std::move(reply).over_limit(429, "streams", "too many streams are open already");
  return true;
}

}  // namespace

void agent_metrics(Request& request, Reply reply) {
  metrics::Registry* registry = registry_of(request, reply);
  if (registry == nullptr) return;
  if (!wants_prometheus(request)) {
    std::string facts = registry->to_json(reply.pretty());
    return std::move(reply).json(std::move(facts));
  }
  if (!registry->has_prometheus()) {
    return std::move(reply).text(415, "Prometheus is not enabled since its retention time is not positive");
  }
  http1::Response response = reply.response();
  response.headers.add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  response.body = registry->to_prometheus();
  std::move(reply).send(std::move(response));
}

void agent_metrics_stream(Request& request, Reply reply) {
  metrics::Registry* registry = registry_of(request, reply);
  if (registry == nullptr || refuse_if_full(request, reply)) return;
  http1::Response head = reply.response();
  head.headers.add("Content-Type", kJsonType);
  request.context.feeds.add(std::move(reply).stream(std::move(head)), metrics::Registry::kInterval,
                            [registry](std::string& out) { out = registry->to_json(true) + "\n"; });
}

void agent_monitor(Request& request, Reply reply) {
  const std::string_view name = request.params.get("loglevel");
  const Result<Level> level = env::parse_level(name.empty() ? "INFO" : name);
  if (!level.ok()) return std::move(reply).text(400, "Bad request: Unknown log level: " + std::string(name));
  if (request.context.around.log == nullptr) {
    return std::move(reply).text(501, "the log of this agent cannot be followed");
  }
  if (refuse_if_full(request, reply)) return;
  auto buffer = std::make_shared<LogBuffer>(request.params.has("logjson"), request.context.env.clock());
  auto subscription = env::LogTap::follow(request.context.around.log, *level,
                                          [buffer](const env::LogLine& line) { buffer->add(line); });
  if (!subscription.ok()) return std::move(reply).fail(subscription.status());
  http1::Response head = reply.response();
  head.headers.add("Content-Type", "text/plain; charset=utf-8");
  auto kept = std::make_shared<env::LogTap::Subscription>(*std::move(subscription));
  request.context.feeds.add(std::move(reply).stream(std::move(head)), kLogInterval,
                            [buffer, kept](std::string& out) { buffer->take(out); });
}

}  // namespace discovery::http::v1
