#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <discovery/session.h>

#include "lib/api/agent_core.h"

namespace discovery::api {

/// How a session stands, for all who hold it. Threads: safe, but for what is said to be the loop's.
class SessionState {
 public:
  SessionState(std::shared_ptr<AgentCore> core, std::string id)
      : core_(std::move(core)), id_(std::move(id)) {}

  const std::shared_ptr<AgentCore>& core() const noexcept { return core_; }
  const std::string& id() const noexcept { return id_; }

  /// By the clock, so that it is exact also where no timer has run.
  bool alive() const;
  std::stop_token lost() const noexcept { return lost_.get_token(); }

  /// It may be trusted until then, by the monotonic clock; the maximum: for ever.
  void set_deadline(Duration at) noexcept { deadline_.store(at.count(), std::memory_order_release); }
  Duration deadline() const noexcept { return Duration(deadline_.load(std::memory_order_acquire)); }
  /// It has ended; who waits for that is told on the executor.
  void end();

  /// \name What is taken with this session, by key. Threads: the loop's.
  /// @{
  /// Notes that `key` is being taken or held; false if it is already.
  bool take_key(const std::string& key) { return keys_.try_emplace(key).second; }
  /// It is being let go, which takes a while.
  void begin_leaving(const std::string& key) { keys_[key].leaving = true; }
  bool is_leaving(const std::string& key) const;
  /// It may be taken again: whoever waits for that is told.
  void leave_key(const std::string& key);
  /// Calls `left` once a key that is being let go may be taken again.
  void when_left(const std::string& key, UniqueFunction<void()> left) {
    keys_[key].waiting.push_back(std::move(left));
  }
  /// @}

 private:
  const std::shared_ptr<AgentCore> core_;
  const std::string id_;
  std::atomic<std::int64_t> deadline_{Duration::max().count()};
  std::atomic<bool> ended_{false};
  std::stop_source lost_;
  struct Key {
    bool leaving = false;
    std::vector<UniqueFunction<void()>> waiting{};
  };
  std::map<std::string, Key> keys_;
};

/// Keeps a session alive and hears when it has ended. Threads: the loop's.
class SessionKeeper final : public Attached, private model::Sink {
 public:
  /// With a TTL it is renewed; without, it lives by itself. `begun` is when its making was asked for.
  SessionKeeper(std::shared_ptr<SessionState> state, Duration ttl, Duration begun, std::string token);
  ~SessionKeeper() override;
  SessionKeeper(const SessionKeeper&) = delete;
  SessionKeeper& operator=(const SessionKeeper&) = delete;

  /// Nobody holds it any more: lets it end, without a word to anybody.
  void close_quietly();
  void end() override;

  /// It is renewed so many times within its TTL, and more often after a renewal that failed.
  static constexpr int kRenewals = 3;
  static constexpr int kRetries = 12;

 private:
  void on_answer(const model::Answer& answer) override;
  void on_error(const Status&) override {}
  void renew();
  void renew_in(Duration delay);
  void lose();
  void detach();
  Duration now() const;

  const std::shared_ptr<SessionState> state_;
  const Duration ttl_;
  const std::string token_;
  std::unique_ptr<model::WatchHandle> handle_;
  std::unique_ptr<env::Timer> renewal_;
  std::unique_ptr<env::Timer> expiry_;
  std::shared_ptr<SessionKeeper*> self_;  // for answers that come later
};

/// What is behind a Session. Threads: any.
class OpenSession {
 public:
  OpenSession(std::shared_ptr<SessionState> state, std::shared_ptr<SessionKeeper> keeper, std::string token)
      : state_(std::move(state)), keeper_(std::move(keeper)), token_(std::move(token)) {}
  ~OpenSession();
  OpenSession(const OpenSession&) = delete;
  OpenSession& operator=(const OpenSession&) = delete;

  const std::shared_ptr<SessionState>& state() const noexcept { return state_; }
  const std::string& token() const noexcept { return token_; }
  Async<Unit> close();

  /// Makes a session, and what keeps it. Threads: any.
  static Async<std::shared_ptr<OpenSession>> open(const std::shared_ptr<AgentCore>& core, SessionSpec spec,
                                                  const Call& call);

 private:
  const std::shared_ptr<SessionState> state_;
  std::shared_ptr<SessionKeeper> keeper_;
  const std::string token_;
};

}  // namespace discovery::api
