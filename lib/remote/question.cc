#include "lib/remote/question.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include "lib/remote/spelling.h"

namespace discovery::remote {
namespace {

/// What is added to the time that an agent waits: it may take a sixteenth more, and the way takes some, too.
constexpr Duration kMargin = std::chrono::seconds(10);
/// Those who wait for an agent to come back do not come all at once.
constexpr Duration kSpread = std::chrono::milliseconds(50);

}  // namespace

Question::Question(World world, std::string name, model::Query query, model::Read read)
    : world_(world),
      name_(std::move(name)),
      query_(std::make_shared<const model::Query>(std::move(query))),
      read_(std::move(read)),
      timer_(env().make_timer()),
      grace_(env().make_timer()) {}

Question::~Question() { world_.link.forget(*this); }

void Question::start() {
  world_.link.observe(*this);
  if (!world_.link.up()) {
    phase_ = Phase::kAwaitingLink;
    return trouble(world_.link.why_down());
  }
  grace_->start(limits().grace, [this] { show_kept(); });
  ask();
}

void Question::add(const WatchingPtr& watching) {
  watchers_.push_back(watching);
  const std::lock_guard lock(watching->mutex);
  if (watching->sink != nullptr && !trouble_.ok()) watching->sink->on_error(trouble_);
  if (watching->sink != nullptr && latest_) watching->sink->on_answer(*latest_);
}

bool Question::remove(const WatchingPtr& watching) {
  std::erase(watchers_, watching);
  return watchers_.empty();
}

void Question::ask() {
  phase_ = Phase::kAsking;
  model::Read read = read_;
  read.min_index = wait_index_;
  const bool waits = wait_index_ > 0;
  wait_ = !waits ? Duration::zero() : world_.link.connections().crowded() ? Limits::kTurn : limits().wait;
  read.wait = wait_;
  const std::string& datacenter =
      read.call.datacenter.empty() ? world_.link.options().datacenter : read.call.datacenter;
  Result<http1::ClientRequest> message = spell(*query_, read, datacenter);
  if (!message.ok()) return fail(message.status());
  asked_at_ = now();
  // One that waits is not repeated by itself: another agent's indexes are others.
  Request request{
      .message = *std::move(message), .repeatable = !waits, .waits = waits, .timeout = limits().call_timeout};
  if (waits) request.timeout = wait_ + wait_ / 16 + kMargin;
  ticket_ = world_.link.send(std::move(request), read_.call.token,
                             [this](Ending ending) { on_ending(std::move(ending)); });
}

void Question::pause(Duration delay) {
  phase_ = Phase::kPausing;
  timer_->start(delay, [this] { ask(); });
}

void Question::on_ending(Ending ending) {
  ticket_.reset();
  if (ending.interrupted) return ask();
  if (!ending.response.ok()) {
    // After that the agent may be another: what it has is asked for, not what is new.
    wait_index_ = 0;
    lost_ = ending.response.status();
    const bool about_the_agent =
        lost_.code() == Code::kUnavailable || lost_.code() == Code::kDeadlineExceeded;
    if (!about_the_agent) return fail(lost_);
    phase_ = Phase::kAwaitingLink;
    ++losses_;
    return;
  }
  http1::ClientResponse& response = *ending.response;
  const AnswerHead head = read_head(response);
  const bool is_answer = response.status == 404 && may_be_missing(*query_);
  if (const Status failure = failure_of(response, false); !failure.ok() && !is_answer) return fail(failure);
  phase_ = Phase::kDecoding;
  KeptAnswer raw{env().clock().wall(), head.meta.index, response.status,
                 std::make_shared<const std::string>(std::move(response.body))};
  const auto body = raw.body;
  const int status = raw.status;
  world_.decoding.decode(query_, status, body,
                         [weak = std::weak_ptr(self_), head, raw = std::move(raw)](auto decoded) mutable {
                           if (const auto self = weak.lock()) {
                             (*self)->on_decoded(head, std::move(raw), std::move(decoded));
                           }
                         });
}

/// Where an answer stands in the history that was shown so far.
Meta Question::place(const AnswerHead& head, const std::string& body) {
  Meta meta = head.meta;
  const std::size_t digest = std::hash<std::string_view>()(body);
  const Index before = latest_ ? latest_->meta.index : 0;
  const bool same = latest_ && digest == digest_;
  if (!head.has_index) {
    meta.index = same && before > 0 ? before : before + 1;
  } else if (meta.index < before || (meta.index == before && !same && wait_ == Duration::zero())) {
    ++epoch_;  // of another agent, or of one that has begun anew
  }
  digest_ = digest;
  meta.epoch = epoch_;
  return meta;
}

void Question::on_decoded(const AnswerHead& head, KeptAnswer raw,
                          Result<std::shared_ptr<const model::SharedAnswer>> decoded) {
  if (!decoded.ok()) return fail(decoded.status());
  grace_->cancel();
  failures_ = 0;
  losses_ = 0;
  const bool recovers = !std::exchange(trouble_, {}).ok();
  const std::uint64_t epoch_before = epoch_;
  const Meta meta = place(head, *raw.body);
  const bool fell = epoch_ != epoch_before;
  const bool moved = !latest_ || fell || meta.index > latest_->meta.index;
  const bool was_live = latest_ && latest_->meta.live;
  heard_at_ = raw.at;
  if (world_.files != nullptr) world_.files->keep(name_, std::move(raw));
  if (moved && latest_) latest_->shared->supersede();
  // Asked first: who is shown the answer may take its time.
  if (head.has_index) {
    wait_index_ = fell ? 0 : meta.index;
    go_on(fell, moved);
  } else {
    pause(limits().poll + env().random().below(limits().poll / 8 + Duration(1)));
  }
  if (moved || recovers || !was_live) show({meta, *std::move(decoded)});
}

/// Asks on: at once after news or a wait, else the later the more often it told nothing new.
void Question::go_on(bool fell, bool progress) {
  const bool waited = wait_ > Duration::zero() && now() - asked_at_ >= wait_ / 2;
  if (fell) fell_at_ = now();
  if ((progress && !fell) || waited) {
    // Where indexes rise and fall in turn, two agents answer; rising again is nothing new then.
    if (now() - fell_at_ > 2 * limits().max_retry) stalls_ = 0;
    return ask();
  }
  pause(world_.link.retry_delay(stalls_++));
}

/// The agent has answered that it cannot, or nonsense.
void Question::fail(const Status& why) {
  wait_index_ = 0;
  pause(world_.link.retry_delay(failures_++));
  trouble(why);
}

void Question::on_up() {
  if (phase_ != Phase::kAwaitingLink) return;
  if (losses_ < 2) return pause(env().random().below(kSpread));
  pause(world_.link.retry_delay(losses_));  // it answers others, but not this
  trouble(lost_);
}

void Question::on_down(const Status& why) {
  if (phase_ == Phase::kPausing) {  // it would only fail
    timer_->cancel();
    phase_ = Phase::kAwaitingLink;
  }
  wait_index_ = 0;
  trouble(why);
}

void Question::trouble(const Status& why) {
  const bool first = trouble_.ok();
  const bool news = first || trouble_.code() != why.code();
  trouble_ = why;
  if (news) {
    tell([&](model::Sink& sink) { sink.on_error(why); });
  }
  if (latest_ && latest_->meta.live) {
    model::Answer last = *latest_;
    last.meta.live = false;
    last.meta.as_of = heard_at_;
    return show(std::move(last));
  }
  const bool unreachable = why.code() == Code::kUnavailable || why.code() == Code::kDeadlineExceeded;
  if (unreachable) show_kept();
}

void Question::show_kept() {
  if (latest_ || world_.files == nullptr || std::exchange(kept_asked_for_, true)) return;
  world_.files->load(name_, [weak = std::weak_ptr(self_)](Result<KeptAnswer> kept) {
    const auto self = weak.lock();
    if (!self || !kept.ok()) return;
    const auto body = kept->body;
    const int status = kept->status;
    (*self)->world_.decoding.decode(
        (*self)->query_, status, body, [weak, kept = *std::move(kept)](auto decoded) {
          const auto still = weak.lock();
          if (!still || (*still)->latest_ || !decoded.ok()) return;
          Question& question = **still;
          Meta meta{.index = kept.index, .epoch = question.epoch_, .live = false, .as_of = kept.at};
          question.heard_at_ = kept.at;
          question.digest_ = std::hash<std::string_view>()(*kept.body);
          question.show({meta, *std::move(decoded)});
        });
  });
}

void Question::show(model::Answer answer) {
  latest_ = std::move(answer);
  const model::Answer shown = *latest_;  // who is shown it may bring about the next one
  tell([&](model::Sink& sink) { sink.on_answer(shown); });
}

template <class Tell>
void Question::tell(Tell tell) {
  const std::vector<WatchingPtr> told = watchers_;
  for (const WatchingPtr& watching : told) {
    const std::lock_guard lock(watching->mutex);
    if (watching->sink != nullptr) tell(*watching->sink);
  }
}

}  // namespace discovery::remote
