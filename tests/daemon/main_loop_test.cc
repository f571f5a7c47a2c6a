// Signals are a process's: each test looks at a child that says in a pipe what it has seen.

#include "daemon/agent/main_loop.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>
#include <string>

#include <catch2/catch.hpp>

namespace discovery {
namespace {

/// A child process that runs `life` with the writing end of a pipe, and exits with its result.
class Child {
 public:
  explicit Child(const std::function<int(int pipe)>& life) {
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    id_ = fork();
    REQUIRE(id_ >= 0);
    if (id_ == 0) {
      close(ends[0]);
      _exit(life(ends[1]));
    }
    close(ends[1]);
    pipe_ = ends[0];
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    close(pipe_);
    if (!ended_) {
      kill(id_, SIGKILL);
      waitpid(id_, nullptr, 0);
    }
  }

  void send(int signal) const { kill(id_, signal); }
  /// The next byte that the child writes; 0 if none comes.
  char next() const {
    pollfd wait{pipe_, POLLIN, 0};
    char byte = 0;
    if (poll(&wait, 1, 30'000) == 1 && read(pipe_, &byte, 1) == 1) return byte;
    return 0;
  }
  /// The exit code; -1 if a signal has ended it.
  int end() {
    int status = 0;
    waitpid(id_, &status, 0);
    ended_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t id_ = -1;
  int pipe_ = -1;
  bool ended_ = false;
};

void say(int pipe, char byte) { [[maybe_unused]] const ssize_t written = write(pipe, &byte, 1); }

TEST_CASE("the main loop takes signals and tasks one after another", "[signals]") {
  Child child([](int pipe) {
    auto loop = MainLoop::create();
    if (!loop.ok()) return 99;
    (*loop)->post([&] { say(pipe, 'r'); });
    return (*loop)->run([&](int signal) {
      if (signal == SIGHUP) return say(pipe, 'h');
      say(pipe, signal == SIGINT ? 'i' : 't');
      (*loop)->stop(signal == SIGTERM ? 7 : 8);
    });
  });
  REQUIRE(child.next() == 'r');
  child.send(SIGHUP);
  CHECK(child.next() == 'h');
  child.send(SIGHUP);
  CHECK(child.next() == 'h');
  SECTION("SIGTERM") {
    child.send(SIGTERM);
    CHECK(child.next() == 't');
    CHECK(child.end() == 7);
  }
  SECTION("SIGINT") {
    child.send(SIGINT);
    CHECK(child.next() == 'i');
    CHECK(child.end() == 8);
  }
}

TEST_CASE("the first to stop the main loop counts", "[signals]") {
  Child child([](int) {
    auto loop = MainLoop::create();
    if (!loop.ok()) return 99;
    (*loop)->stop(3);
    (*loop)->stop(4);
    return (*loop)->run([](int) {});
  });
  CHECK(child.end() == 3);
}

TEST_CASE("a second signal ends the process at once", "[signals]") {
  const int signal = GENERATE(SIGINT, SIGTERM);
  Child child([](int pipe) {
    auto loop = MainLoop::create();
    if (!loop.ok()) return 99;
    (*loop)->post([&] { say(pipe, 'r'); });
    const int code = (*loop)->run([&](int) { (*loop)->stop(0); });
    MainLoop::end_at_next_signal();
    say(pipe, 'w');
    while (true) pause();  // something that takes its time
    return code;
  });
  REQUIRE(child.next() == 'r');
  child.send(signal);
  REQUIRE(child.next() == 'w');
  child.send(signal);
  CHECK(child.end() == 1);
}

TEST_CASE("a task runs again and again") {
  Child child([](int pipe) {
    const auto loop = MainLoop::create();
    int runs = 0;
    (*loop)->every(std::chrono::milliseconds(1), [&] {
      if (write(pipe, "r", 1) == 1 && ++runs == 3) (*loop)->stop(7);
    });
    return (*loop)->run([](int) {});
  });
  for (int i = 0; i < 3; ++i) CHECK(child.next() == 'r');
  CHECK(child.end() == 7);
}

}  // namespace
}  // namespace discovery
