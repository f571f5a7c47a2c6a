#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include <discovery/async.h>

#include "lib/env/env.h"

namespace discovery::env {

/// An operation that anybody may consume on any thread, and whose `work` runs on the loop: at once where the
/// consumer is on it already. `work` is called with what it must call, once, with the result. Is `life` over
/// by then, the result is `gone` instead. `env` outlives the operation.
template <class T, class F>
Async<T> on_loop(Env& env, std::weak_ptr<const void> life, Status gone, F work) {
  auto start = [env = &env, life = std::move(life), gone = std::move(gone),
                work = std::move(work)](typename Async<T>::Callback done) mutable {
    auto task = [life = std::move(life), gone = std::move(gone), work = std::move(work),
                 done = std::move(done)]() mutable {
      if (life.expired()) return done(std::move(gone));
      work(std::move(done));
    };
    if (env->on_loop()) {
      task();
    } else {
      env->post(std::move(task));
    }
  };
  return Async<T>::pending(std::move(start));
}

}  // namespace discovery::env
