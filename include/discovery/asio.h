#pragma once

/// \file
/// For programs that use standalone Asio (https://think-async.com/Asio): an agent on the program's own
/// io_context, completions on any of its executors, and operations started with a completion token
/// (asio::use_awaitable, asio::use_future, a callback). Opt-in: the one header here that needs more than the
/// standard library.

#include <functional>
#include <memory>
#include <utility>

#include <asio/any_io_executor.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/dispatch.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/version.hpp>

#include <discovery/async.h>
#include <discovery/env.h>

namespace discovery::inline v0 {

namespace detail {

/// Which executor runs a task on this thread now, if any.
inline thread_local const void* running_asio_executor = nullptr;

class AsioExecutor final : public Executor {
 public:
  explicit AsioExecutor(asio::any_io_executor executor) : executor_(std::move(executor)) {}

  void post(std::function<void()> task) override {
    asio::post(executor_, [this, self = self_.lock(), task = std::move(task)] {
      const void* outer = std::exchange(running_asio_executor, this);
      task();
      running_asio_executor = outer;
    });
  }
  bool running_in_this_thread() const noexcept override { return running_asio_executor == this; }

  std::weak_ptr<AsioExecutor> self_{};

 private:
  const asio::any_io_executor executor_;
};

/// The executor of an io_context, which knows its threads.
class IoContextExecutor final : public Executor {
 public:
  explicit IoContextExecutor(asio::io_context& io) : io_(io) {}
  void post(std::function<void()> task) override { asio::post(io_, std::move(task)); }
  bool running_in_this_thread() const noexcept override {
    return io_.get_executor().running_in_this_thread();
  }

 private:
  asio::io_context& io_;
};

}  // namespace detail

/// An executor for Environment::executor that runs completions on one of Asio's. Use a strand where several
/// threads run its context: completions come one after another then. Threads: safe.
inline std::shared_ptr<Executor> make_executor(asio::any_io_executor executor) {
  auto made = std::make_shared<detail::AsioExecutor>(std::move(executor));
  made->self_ = made;
  return made;
}

/// Lets an instance that is started with `environment` live on `io`: no thread of its own, and completions
/// come there. One thread runs `io`; start and destroy the instance on that thread, or while nobody runs it.
/// `io` outlives the instance, and is this very version of Asio (else its start fails: kFailedPrecondition).
/// An agent that is destroyed breaks off what is being answered.
inline void run_on(asio::io_context& io, Environment& environment) {
  environment.io_context = &io;
  environment.asio_version = ASIO_VERSION;
  if (!environment.executor) environment.executor = std::make_shared<detail::IoContextExecutor>(io);
}

/// Starts an operation; `token` says how its Result<T> is taken. The handler runs on its associated executor.
/// With g++ 12 name the operation first: `auto found = registry.find("web"); co_await start(std::move(found),
/// asio::use_awaitable)`.
template <class T, class Token>
auto start(Async<T> operation, Token&& token) {
  return asio::async_initiate<Token, void(Result<T>)>(
      [](auto handler, Async<T> begun) {
        auto executor = asio::get_associated_executor(handler);
        auto work = asio::make_work_guard(executor);
        std::move(begun).then(
            [handler = std::move(handler), executor, work = std::move(work)](Result<T> result) mutable {
              asio::post(executor, [handler = std::move(handler), result = std::move(result)]() mutable {
                std::move(handler)(std::move(result));
              });
            });
      },
      token, std::move(operation));
}

}  // namespace discovery::inline v0
