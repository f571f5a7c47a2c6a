#include "lib/http/bound_sessions.h"

#include <utility>

#include "lib/http/reply.h"

namespace discovery::http {

void BoundSession::on_connection_end() {
  ended_ = true;
  if (!id_.empty()) owner_.end(*this);
}

std::shared_ptr<BoundSession> BoundSessions::tie(Reply& reply, Call call) {
  auto session = std::make_shared<BoundSession>(*this, std::move(call));
  return reply.on_connection_end(session) ? session : nullptr;
}

void BoundSessions::made(const std::shared_ptr<BoundSession>& session, std::string_view id) {
  session->id_ = id;
  if (session->ended_) return end(*session);
  sessions_[session->id_] = session;
}

void BoundSessions::forget(std::string_view id) {
  if (const auto found = sessions_.find(id); found != sessions_.end()) sessions_.erase(found);
}

void BoundSessions::end(BoundSession& session) {
  model::SessionCommand command;
  command.verb = model::SessionVerb::kDestroy;
  command.session.id = session.id_;
  backend_.apply(std::move(command), session.call_).then([](const Result<model::Outcome>&) {});
  forget(std::string(session.id_));  // which may be the last to hold it
}

}  // namespace discovery::http
