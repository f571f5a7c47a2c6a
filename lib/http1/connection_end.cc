/// How a connection ends, and who hears of that.

#include <algorithm>
#include <utility>

#include "lib/http1/connection.h"

namespace discovery::http1 {
namespace {

Status client_is_gone() { return {Code::kUnavailable, "the client has gone"}; }

}  // namespace

/// The Responder is used up. Returns false, and deletes this, if the connection was only waiting for that.
bool Connection::end_waiting() {
  responder_out_ = false;
  on_disconnect_ = nullptr;
  piece_done_ = nullptr;
  if (server_ != nullptr) --server_->counters.waiting;
  if (stream_) return true;
  delete this;
  return false;
}

void Connection::close() {
  stream_.reset();
  tell_end_listeners();
  wait_link_.unlink();
  forget_request();
  forget_body();
  in_.release(server_->buffers);
  note_memory();
  if (refused_) server_->refused(load_link_);
  server_->left(all_link_, address_);
  if (responder_out_) {
    server_->orphans.push_back(all_link_);  // to be detached with the others when the server goes
  } else {
    delete this;
  }
}

void Connection::time_out() {
  if (phase_ != Phase::kLingering) ++server_->counters.timed_out;
  cut();
}

void Connection::end_if_idle() {
  if (phase_ == Phase::kHead && in_.empty()) close();
}

void Connection::cut() {
  const bool tell = responder_out_;
  if (stream_) close();
  if (tell) report_end();
}

void Connection::detach() {
  server_ = nullptr;
  stream_.reset();
  incoming_.reset();
  wait_link_.unlink();
  all_link_.unlink();
  load_link_.unlink();
  out_link_.unlink();
  on_disconnect_ = nullptr;
  piece_done_ = nullptr;
  client_gone_ = true;
  if (!responder_out_) delete this;
}

void Connection::report_end() {
  if (!std::exchange(client_gone_, true)) ++server_->counters.disconnects;
  tell_end_listeners();
  const std::shared_ptr<Connection*> alive = self();
  if (!stream_ && piece_done_) {
    UniqueFunction<void(Status)> done = std::move(piece_done_);
    done(client_is_gone());
  }
  if (*alive != nullptr) report_disconnect();
}

void Connection::report_disconnect() {
  if (!on_disconnect_) return;
  UniqueFunction<void()> callback = std::move(on_disconnect_);
  callback();
}

void Connection::on_disconnect(UniqueFunction<void()> callback) {
  on_disconnect_ = std::move(callback);
  if (client_gone_) call_later(&Connection::report_disconnect);
}

bool Connection::on_connection_end(std::weak_ptr<EndListener> listener) {
  if (server_ == nullptr) return false;
  if (!end_listeners_) end_listeners_ = std::make_unique<std::vector<std::weak_ptr<EndListener>>>();
  auto& listeners = *end_listeners_;
  if (listeners.size() == listeners.capacity())
    std::erase_if(listeners, [](const auto& l) { return l.expired(); });
  if (listeners.size() >= kMaxEndListeners) return false;
  listeners.push_back(std::move(listener));
  if (client_gone_ || !stream_) tell_end_listeners();
  return true;
}

bool Connection::is_listened_to() {
  return end_listeners_ && std::any_of(end_listeners_->begin(), end_listeners_->end(),
                                       [](const auto& listener) { return !listener.expired(); });
}

/// Later, since a listener may do anything. Not when the server ends: then no client has gone.
void Connection::tell_end_listeners() {
  if (!end_listeners_ || server_->closing) return;
  server_->env.post([listeners = std::move(end_listeners_)] {
    for (const std::weak_ptr<EndListener>& weak : *listeners) {
      if (const auto listener = weak.lock()) listener->on_connection_end();
    }
  });
}

void Connection::call_later(void (Connection::*what)()) {
  if (server_ == nullptr) return;
  server_->env.post([alive = self(), what] {
    if (*alive != nullptr && (*alive)->server_ != nullptr) ((*alive)->*what)();
  });
}

const std::shared_ptr<Connection*>& Connection::self() {
  if (!self_) self_ = std::make_shared<Connection*>(this);
  return self_;
}

void Connection::wait_for(Wait what) {
  waits_for_ = what;
  server_->wait_for(what, wait_link_, deadline_);
}

}  // namespace discovery::http1
