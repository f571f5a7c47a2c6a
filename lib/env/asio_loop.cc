#include "lib/env/asio_loop.h"

#include <asio/post.hpp>

namespace discovery::env {

void AsioLoop::defer(base::Ref<Deferred> work) {
  deferred_.push_back(std::move(work));
  if (!in_turn_ && deferred_.size() == 1) {
    asio::post(io, [this] { turn([] {}); });
  }
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
