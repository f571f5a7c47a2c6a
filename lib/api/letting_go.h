#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "lib/api/open_session.h"

namespace discovery::api {

/// How long who waits for a lock, or lets one go, pauses where nothing tells when to try again: a lock-delay,
/// or servers that cannot be asked. Grows from the one to the other.
inline constexpr Duration kFirstPause = std::chrono::milliseconds(20);
inline constexpr Duration kLongestPause = std::chrono::seconds(1);

/// Whether what failed so may go well later.
bool may_pass(const Status& failure) noexcept;

/// Lets go of what a session holds, again and again until that has an outcome or the session has ended: what
/// is lost on the way must not stay locked as long as its session lives. Meanwhile the session takes nothing
/// else with that key. Threads: the loop's. Held by what it waits for.
class LettingGo final : public Attached, public std::enable_shared_from_this<LettingGo> {
 public:
  /// One attempt; kNotFound if there is nothing to let go of.
  using Release = std::function<void(const AgentCore::Parts&, Completion<Unit>)>;

  /// `done`, if there is one, gets the result of the first attempt.
  static void begin(std::shared_ptr<OpenSession> session, std::string key, Release release,
                    std::optional<Completion<Unit>> done = std::nullopt);

  LettingGo(std::shared_ptr<OpenSession> session, std::string key, Release release);
  void end() override { pause_.reset(); }

 private:
  void attempt(std::optional<Completion<Unit>> done);

  const std::shared_ptr<OpenSession> session_;
  const std::string key_;
  const Release release_;
  std::unique_ptr<env::Timer> pause_;
  Duration pause_length_ = kFirstPause;
};

}  // namespace discovery::api
