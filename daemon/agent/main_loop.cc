#include "daemon/agent/main_loop.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

namespace discovery {
namespace {

Status failure(const char* what) {
  return {Code::kResourceExhausted, std::string(what) + ": " + std::generic_category().message(errno)};
}

}  // namespace

Result<std::unique_ptr<MainLoop>> MainLoop::create() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  const int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) return failure("cannot wait for signals");
  const int wakeups = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wakeups < 0) {
    const Status status = failure("cannot make an event");
    close(signals);
    return status;
  }
  return std::unique_ptr<MainLoop>(new MainLoop(signals, wakeups));
}

MainLoop::~MainLoop() {
  close(signals_);
  close(wakeups_);
}

void MainLoop::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wakeups_, &one, sizeof one);
}

void MainLoop::stop(int code) {
  post([this, code] {
    const std::lock_guard lock(mutex_);
    if (!code_) code_ = code;
  });
}

void MainLoop::run_tasks() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  for (const auto& task : tasks) task();
}

void MainLoop::every(Duration interval, std::function<void()> task) {
  interval_ = interval;
  repeated_ = std::move(task);
  due_ = std::chrono::steady_clock::now() + interval;
}

int MainLoop::until_due() const {
  if (!repeated_) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(due_ - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1 << 20));
}

void MainLoop::run_if_due() {
  if (!repeated_ || std::chrono::steady_clock::now() < due_) return;
  repeated_();
  due_ = std::chrono::steady_clock::now() + interval_;
}

int MainLoop::run(const std::function<void(int signal)>& on_signal) {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (code_) return *code_;
    }
    std::array<pollfd, 2> waits = {{{signals_, POLLIN, 0}, {wakeups_, POLLIN, 0}}};
    if (poll(waits.data(), waits.size(), until_due()) < 0 && errno != EINTR) return 1;
    std::uint64_t count = 0;
    while (read(wakeups_, &count, sizeof count) > 0) {
    }
    signalfd_siginfo info{};
    while (read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      on_signal(static_cast<int>(info.ssi_signo));
    }
    run_tasks();
    run_if_due();
  }
}

void MainLoop::end_at_next_signal() {
  struct sigaction action {};
  action.sa_handler = [](int) { _exit(1); };
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM}) {
    sigaction(signal, &action, nullptr);
    sigaddset(&set, signal);
  }
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace discovery
