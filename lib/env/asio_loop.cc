#include "lib/env/asio_loop.h"

#include <asio/post.hpp>

namespace discovery::env {

void AsioLoop::defer(base::Ref<Deferred> work) {
  deferred_.push_back(std::move(work));
  if (!in_turn_ && deferred_.size() == 1) {
    asio::post(io, [this] { turn([] {}); });
  }
}

void AsioLoop::flush_soon(base::Ref<Outgoing> work) {
  outgoing_.push_back(std::move(work));
  if (outgoing_.size() == kMaxOutgoing) {
    turn([this] { flush(); });
  } else if (!std::exchange(flush_posted_, true)) {
    asio::post(io, [this] {
      flush_posted_ = false;
      turn([this] { flush(); });
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
    asio::post(io, [this] { turn([] {}); });
  }
}

}  // namespace discovery::env
