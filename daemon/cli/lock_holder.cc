#include "daemon/cli/lock_holder.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <utility>

#include "daemon/cli/reply.h"
#include "lib/codec/json_writer.h"

namespace discovery::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr int kOk = 200;
constexpr int kNotFound = 404;
/// How long one look at a lock that others have waits.
constexpr milliseconds kLookWait = std::chrono::seconds(15);
/// While a lock-delay is in effect nothing tells when it is over.
constexpr milliseconds kDelayedRetry{500};
constexpr milliseconds kFailedRetry = std::chrono::seconds(1);

/// Time that also passes while the machine sleeps, as it does for the servers.
nanoseconds now() {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

}  // namespace

LockHolder::LockHolder(const LockLayout& layout, ApiClient client, ApiClient worker, ApiClient renewer,
                       Options options)
    : layout_(layout),
      options_(std::move(options)),
      client_(std::move(client)),
      work_client_(std::move(worker)),
      renew_client_(std::move(renewer)),
      changed_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Result<std::unique_ptr<LockHolder>> LockHolder::start(const LockLayout& layout, const Connect& connect,
                                                      Options options) {
  Result<ApiClient> client = connect();
  if (!client.ok()) return client.status();
  Result<ApiClient> worker = connect();
  if (!worker.ok()) return worker.status();
  Result<ApiClient> renewer = connect();
  if (!renewer.ok()) return renewer.status();
  std::unique_ptr<LockHolder> holder(new LockHolder(layout, *std::move(client), *std::move(worker),
                                                    *std::move(renewer), std::move(options)));
  if (Status status = holder->create_session(); !status.ok()) {
    return Status(status.code(), "failed to create session: " + std::string(status.message()));
  }
  holder->begin();
  return holder;
}

LockHolder::~LockHolder() {
  stop();
  if (!session_.empty()) static_cast<void>(release());
}

Status LockHolder::create_session() {
  std::string json;
  codec::JsonWriter writer(json);
  writer.begin_object();
  writer.field("Name", options_.session_name);
  writer.field("TTL", std::to_string(kTtl.count()) + "s");
  writer.field("Behavior", layout_.behavior());
  writer.end_object();
  renewed_at_ = now();
  const Result<std::string> body = client_.call({.method = "PUT",
                                                 .path = "/v1/session/create",
                                                 .body = std::move(json),
                                                 .content_type = "application/json"});
  if (!body.ok()) return body.status();
  const Result<rapidjson::Document> created = parse_reply(*body);
  if (!created.ok()) return created.status();
  session_ = text_of(*created, "ID");
  return session_.empty() ? Status(Code::kDataLoss, "the answer names no session") : Status();
}

void LockHolder::begin() {
  running_ = 2;
  const auto run = [this](void (LockHolder::*task)()) {
    return std::thread([this, task] {
      (this->*task)();
      const std::lock_guard lock(mutex_);
      --running_;
      wake_.notify_all();
    });
  };
  worker_ = run(&LockHolder::work);
  renewer_ = run(&LockHolder::renew);
}

void LockHolder::stop() {
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
    work_client_.cancel();
    renew_client_.cancel();
    wake_.wait(lock, [this] { return running_ == 0; });
  }
  if (worker_.joinable()) worker_.join();
  if (renewer_.joinable()) renewer_.join();
}

Status LockHolder::release() {
  const std::string session = std::exchange(session_, {});
  Status released = was_held_ ? layout_.release(client_, session) : Status();
  // If this fails the session ends by its TTL.
  static_cast<void>(client_.call({.method = "PUT", .path = "/v1/session/destroy/" + escape_path(session)}));
  return released;
}

LockHolder::State LockHolder::state() {
  std::uint64_t count = 0;
  static_cast<void>(::read(changed_.get(), &count, sizeof count));
  const std::lock_guard lock(mutex_);
  if (state_ == State::kHeld && now() - renewed_at_ >= kTtl) state_ = State::kLost;
  return state_;
}

Status LockHolder::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

milliseconds LockHolder::left() const {
  const std::lock_guard lock(mutex_);
  return std::chrono::ceil<milliseconds>(std::max(nanoseconds(0), renewed_at_ + kTtl - now()));
}

void LockHolder::set(State state, Status failure) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    state_ = state;
    failure_ = std::move(failure);
    was_held_ |= state == State::kHeld;
  }
  const std::uint64_t one = 1;
  static_cast<void>(::write(changed_.get(), &one, sizeof one));
}

bool LockHolder::pause(milliseconds time) {
  std::unique_lock lock(mutex_);
  return wake_.wait_for(lock, time, [this] { return stopping_; });
}

bool LockHolder::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void LockHolder::renew() {
  bool renewed = true;
  while (!pause(renewed ? milliseconds(kTtl) / 3 : kFailedRetry)) renewed = renew_once();
}

bool LockHolder::renew_once() {
  const nanoseconds begun = now();
  const Result<ApiResponse> response =
      renew_client_.send({.method = "PUT", .path = "/v1/session/renew/" + escape_path(session_)});
  if (!response.ok()) return false;
  if (response->status == kNotFound) set(State::kLost, {Code::kFailedPrecondition, "the session has ended"});
  if (response->status != kOk) return false;
  const std::lock_guard lock(mutex_);
  renewed_at_ = begun;
  return true;
}

void LockHolder::work() {
  if (Status status = layout_.prepare(work_client_, session_); !status.ok()) {
    return set(State::kFailed, std::move(status));
  }
  if (acquire()) watch();
}

bool LockHolder::acquire() {
  const nanoseconds begun = now();
  std::string index;
  for (int attempts = 0; !stopping(); ++attempts) {
    milliseconds wait = kLookWait;
    if (options_.limit && attempts > 0) {
      const auto left = *options_.limit - std::chrono::floor<milliseconds>(now() - begun);
      if (left <= milliseconds(0)) return set(State::kGaveUp), false;
      wait = std::min(wait, left);
    }
    const auto answer = layout_.attempt(work_client_, session_, index, wait);
    if (!answer.ok()) return set(State::kFailed, answer.status()), false;
    if (answer->outcome == LockLayout::Outcome::kHeld) return set(State::kHeld), true;
    index = answer->index;
    if (answer->outcome != LockLayout::Outcome::kRefused) continue;
    index.clear();
    pause(std::min(wait, kDelayedRetry));
  }
  return false;
}

void LockHolder::watch() {
  std::string index;
  int failures = 0;
  while (!stopping()) {
    const auto answer = layout_.check(work_client_, session_, index);
    if (answer.ok() && answer->outcome == LockLayout::Outcome::kHeld) {
      index = answer->index;
      failures = 0;
      if (index.empty()) pause(kFailedRetry);  // nothing to wait beyond
    } else if (!answer.ok() && answer.status().code() == Code::kUnavailable &&
               ++failures <= options_.monitor_retries) {
      index.clear();
      pause(kFailedRetry);
    } else {
      return set(State::kLost, answer.status());
    }
  }
}

}  // namespace discovery::cli
