#include "lib/env/asio_loop.h"

#include <asio/post.hpp>

namespace discovery::env {

void AsioLoop::close() {
  closed_ = true;
  // What was deferred holds sockets, which must go before the context.
  std::exchange(deferred_, {}).clear();
  std::exchange(outgoing_, {}).clear();
  own_.reset();
}

void AsioLoop::defer(base::Ref<Deferred> work) {
  deferred_.push_back(std::move(work));
  if (!in_turn_ && deferred_.size() == 1) {
    asio::post(io, [self = shared_from_this()] { self->turn([] {}); });
  }
}

void AsioLoop::flush_soon(base::Ref<Outgoing> work) {
  outgoing_.push_back(std::move(work));
  if (outgoing_.size() == kMaxOutgoing) {
    flush_now();
  } else if (!std::exchange(flush_posted_, true)) {
    asio::post(io, [self = shared_from_this()] {
      self->flush_posted_ = false;
      self->flush_now();
    });
  }
}

void AsioLoop::flush() {
  // Nothing is added meanwhile: what a flush leads to is deferred.
  flushing_.swap(outgoing_);
  for (auto& work : flushing_) work->flush();
  flushing_.clear();
}

void AsioLoop::run_deferred() {
  // What the callbacks defer in turn gets some rounds, and then lets sockets and timers have theirs.
  constexpr int kRounds = 16;
  for (int round = 0; round < kRounds && !deferred_.empty(); ++round) {
    running_.swap(deferred_);
    for (auto& work : running_) work->run_deferred();
    running_.clear();
  }
  if (!deferred_.empty()) {
    asio::post(io, [self = shared_from_this()] { self->turn([] {}); });
  }
}

}  // namespace discovery::env
