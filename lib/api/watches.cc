#include "lib/api/watches.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lib/api/web_hook.h"
#include "lib/codec/json_writer.h"

namespace discovery::api {
namespace {

constexpr Duration kBackOff = std::chrono::seconds(5);
/// Of a program's output, so much is logged.
constexpr std::size_t kMaxOutput = 4096;
/// A program that takes longer is ended.
constexpr Duration kScriptTimeout = std::chrono::minutes(10);

/// The way of an answer from the API to a watch, without any connection.
class Answer final : public http1::Exchange {
 public:
  using Done = UniqueFunction<void(http1::Response&&)>;

  /// Asks; `done` is called once, unless cancel() comes before.
  static Answer* ask(http1::Handler& api, http1::Request& request, Done done) {
    auto* answer = new Answer(std::move(done));
    answer->inside_ = true;
    api.handle(request, http1::Responder(*answer));
    answer->inside_ = false;
    if (!answer->ended_) return answer;
    answer->finish_ending();
    return nullptr;
  }

  /// The watch is gone: so is the client. The answer that may still come deletes this.
  void cancel() {
    done_ = nullptr;
    gone_ = true;
    if (on_disconnect_) std::exchange(on_disconnect_, nullptr)();
  }

  void send(http1::Response&& response) override { end(std::move(response)); }
  void start_stream(http1::Response&&) override { end({.status = 500}); }
  void write(http1::Body&&, UniqueFunction<void(Status)>) override {}
  void finish() override {}
  void abandon() noexcept override { end({.status = 500}); }
  void on_disconnect(UniqueFunction<void()> callback) override { on_disconnect_ = std::move(callback); }
  bool on_connection_end(std::weak_ptr<http1::EndListener>) override { return false; }
  bool disconnected() const noexcept override { return gone_; }

 private:
  explicit Answer(Done done) : done_(std::move(done)) {}

  void end(http1::Response&& response) {
    response_ = std::move(response);
    ended_ = true;
    on_disconnect_ = nullptr;
    if (!inside_) finish_ending();
  }
  void finish_ending() {
    Done done = std::move(done_);
    http1::Response response = std::move(response_);
    delete this;
    if (done) done(std::move(response));
  }

  Done done_;
  http1::Response response_{};
  UniqueFunction<void()> on_disconnect_;
  bool inside_ = false, ended_ = false, gone_ = false;
};

/// The only entry of a list, as text of JSON.
std::string only_entry(std::string_view list) {
  const std::size_t begin = list.find('[');
  const std::size_t end = list.rfind(']');
  if (begin == std::string_view::npos || end == std::string_view::npos || end <= begin + 1) return "null";
  return std::string(list.substr(begin + 1, end - begin - 1));
}

}  // namespace

/// One watch.
class Watches::Watch {
 public:
  Watch(env::Env& env, http1::Handler& api, model::EventBus& events, const WebHookWorld& hooks,
        WatchPlan plan)
      : env_(env), api_(api), hooks_(hooks), plan_(std::move(plan)), timer_(env.make_timer()) {
    if (plan_.by_event) {
      listening_ = events.subscribe(plan_.event, [this](const model::UserEventPtr& event) { hear(event); });
    } else {
      timer_->start(Duration::zero(), [this] { ask(); });
    }
  }
  ~Watch() {
    if (asking_ != nullptr) asking_->cancel();
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  void ask() {
    std::string target = plan_.target;
    if (!mark_.empty()) target += (plan_.by_hash ? "hash=" : "index=") + mark_;
    const http1::Header token{"X-Consul-Token", plan_.token};
    http1::Request request;
    request.method = "GET";
    request.target = target;
    if (!plan_.token.empty()) request.headers = {&token, 1};
    asking_ = nullptr;
    answered_ = false;
    Answer* const asking = Answer::ask(api_, request, [this](http1::Response&& response) {
      asking_ = nullptr;
      answered_ = true;
      // Not now: this may be inside the call that asks.
      timer_->start(Duration::zero(), [this, held = std::move(response)] { take(held); });
    });
    if (!answered_) asking_ = asking;
  }

  void take(const http1::Response& response) {
    constexpr int kOk = 200;
    constexpr int kNotFound = 404;
    const bool is_nothing = response.status == kNotFound && !plan_.by_hash;
    if (response.status != kOk && !is_nothing) return fail(response);
    failures_ = 0;
    const auto mark = response.headers.find(plan_.by_hash ? "X-Consul-Contenthash" : "X-Consul-Index");
    std::string found = is_nothing ? (plan_.one_entry ? "null" : "[]") : std::string(response.body.view());
    if (plan_.one_entry && !is_nothing) found = only_entry(found);
    const bool changed = !found_ || *found_ != found;
    mark_ = mark.value_or("");
    if (changed) {
      found_ = std::move(found);
      handle();
    }
    if (mark_.empty()) return back_off();
    ask();
  }

  void fail(const http1::Response& response) {
    mark_.clear();
    env_.log().write(Level::kError, "watch",
                     "the watch of type " + plan_.type + " (" + plan_.where +
                         ") failed: " + std::string(response.body.view().substr(0, kMaxOutput)));
    back_off();
  }

  void hear(const model::UserEventPtr& event) {
    if (heard_.size() == model::EventBus::kMaxEvents) heard_.pop_front();
    heard_.push_back(event);
    handle();
  }

  /// Takes what has been heard to be handed over.
  void gather_events() {
    found_.emplace();
    codec::JsonWriter writer(*found_, codec::JsonStyle::kCompact);
    writer.begin_array();
    for (const model::UserEventPtr& event : heard_) {
      writer.element();
      writer.value(*event);
    }
    writer.end_array();
    *found_ += '\n';
    mark_ = std::to_string(model::event_index(heard_.back()->id));
    heard_.clear();
  }

  void back_off() {
    ++failures_;
    const Duration wait =
        failures_ > 6 ? kMaxBackOff : std::min(kMaxBackOff, kBackOff * failures_ * failures_);
    timer_->start(wait, [this] { ask(); });
  }

  /// Hands over what was found; what comes while the handler is at work is handed over when it has ended.
  void handle() {
    if (handling_) {
      again_ = true;
      return;
    }
    handling_ = true;
    if (!heard_.empty()) gather_events();
    if (plan_.handler.args.empty()) {
      send();
    } else {
      run();
    }
  }

  void handled(const std::string& log_line, Level level) {
    handling_ = false;
    if (!log_line.empty()) {
      env_.log().write(level, "watch", "handler of the watch (" + plan_.where + "): " + log_line);
    }
    if (!std::exchange(again_, false)) return;
    handler_timer().start(Duration::zero(), [this] { handle(); });
  }

  env::Timer& handler_timer() {
    if (!handler_timer_) handler_timer_ = env_.make_timer();
    return *handler_timer_;
  }

  void run() {
    env::ProcessOptions options;
    options.arguments = plan_.handler.args;
    options.environment = {{"CONSUL_INDEX", mark_}};
    options.input = *found_;
    options.max_output = kMaxOutput;
    options.timeout = kScriptTimeout;
    process_ = env_.spawn(std::move(options), [this](Result<env::ProcessResult> result) {
      if (!result.ok())
        return handled("cannot run: " + std::string(result.status().message()), Level::kError);
      std::string output = result->output;
      std::replace(output.begin(), output.end(), '\n', ' ');
      if (result->timed_out) return handled("ended, since it took too long: " + output, Level::kError);
      if (result->exit_code == 0) return handled("output: " + output, Level::kDebug);
      handled("exit status " + std::to_string(result->exit_code) + ": " + output, Level::kError);
    });
  }

  void send() {
    http1::HeaderBlock headers;
    headers.add("Content-Type", "application/json");
    headers.add("X-Consul-Index", mark_);
    hook_ = std::make_unique<WebHook>(
        hooks_, plan_.handler.hook, std::move(headers), *found_, [this](const Result<int>& status) {
          if (!status.ok()) return handled(std::string(status.status().message()), Level::kError);
          handled("status " + std::to_string(*status), *status / 100 == 2 ? Level::kTrace : Level::kError);
        });
  }

  env::Env& env_;
  http1::Handler& api_;
  const WebHookWorld& hooks_;
  const WatchPlan plan_;
  std::unique_ptr<env::Timer> timer_;
  std::unique_ptr<env::Timer> handler_timer_;
  Answer* asking_ = nullptr;  // who waits for the API
  bool answered_ = false;
  std::string mark_;  // the index or hash of what was found last
  std::optional<std::string> found_;
  std::deque<model::UserEventPtr> heard_;  // not handed over yet
  std::unique_ptr<model::EventBus::Subscription> listening_;
  int failures_ = 0;
  bool handling_ = false;
  bool again_ = false;  // something else was found while the handler was at work
  std::unique_ptr<env::Process> process_;
  std::unique_ptr<WebHook> hook_;
};

Watches::Watches(env::Env& env, http1::Handler& api, model::EventBus& events,
                 std::shared_ptr<const tls::ClientContext> tls,
                 std::shared_ptr<const tls::ClientContext> tls_unverified)
    : env_(env),
      api_(api),
      events_(events),
      dialer_(env),
      hooks_{env, dialer_, std::move(tls), std::move(tls_unverified)} {}
Watches::~Watches() = default;

void Watches::replace(std::vector<WatchPlan> plans) {
  watches_.clear();
  for (WatchPlan& plan : plans)
    watches_.push_back(std::make_unique<Watch>(env_, api_, events_, hooks_, std::move(plan)));
}

}  // namespace discovery::api
