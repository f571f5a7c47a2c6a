#pragma once

/// \file
/// Sessions that end with the connection over which they were made: PUT /v1/session/create?while-connected
/// (docs/divergence.md). A holder that dies is known at once, where a TTL would have to pass.

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "lib/http1/handler.h"
#include "lib/model/backend.h"

namespace discovery::http {

class Reply;

class BoundSessions;

/// Says "true" with a session that is tied to its connection, so that a client knows a server that does it.
inline constexpr std::string_view kSessionBoundHeader = "X-Discovery-Session-Bound";

/// The tie between one connection and one session, which may be about to be made.
class BoundSession final : public http1::EndListener {
 public:
  BoundSession(BoundSessions& owner, Call call) : owner_(owner), call_(std::move(call)) {}
  void on_connection_end() override;

 private:
  friend class BoundSessions;
  BoundSessions& owner_;
  const Call call_;  ///< who made it, and where
  std::string id_;   ///< empty until it is made
  bool ended_ = false;
};

/// All ties of one API. If a session cannot be ended when its connection ends, its TTL ends it. Threads: the
/// loop's.
class BoundSessions {
 public:
  explicit BoundSessions(model::Backend& backend) : backend_(backend) {}

  /// Ties the session that is about to be made to the connection of a reply; null if too many are tied to it.
  /// Until made() is called with it, the caller must keep it.
  std::shared_ptr<BoundSession> tie(Reply& reply, Call call);
  /// It was made. If its connection has ended meanwhile it is ended now.
  void made(const std::shared_ptr<BoundSession>& session, std::string_view id);
  /// A session was ended by somebody; fine if it was not tied.
  void forget(std::string_view id);

  std::size_t size() const noexcept { return sessions_.size(); }

 private:
  friend class BoundSession;
  void end(BoundSession& session);

  model::Backend& backend_;
  std::map<std::string, std::shared_ptr<BoundSession>, std::less<>> sessions_;
};

}  // namespace discovery::http
