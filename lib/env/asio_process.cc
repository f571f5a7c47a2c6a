#include "lib/env/asio_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>
#include <vector>

#include <asio/posix/basic_stream_descriptor.hpp>
#include <asio/post.hpp>

#include "lib/env/posix_error.h"
#include "lib/env/tail_buffer.h"
#include "lib/env/unique_fd.h"

namespace discovery::env {
namespace {

using Descriptor = asio::posix::basic_stream_descriptor<AsioLoop::Executor>;
using Done = UniqueFunction<void(Result<ProcessResult>)>;

/// A file in memory with `input`, at its beginning; or /dev/null.
Result<UniqueFd> make_input(const std::string& input) {
  UniqueFd fd(input.empty() ? ::open("/dev/null", O_RDONLY | O_CLOEXEC)
                            : ::memfd_create("input", MFD_CLOEXEC));
  if (!fd.valid()) return posix_error("cannot make a program's input", errno);
  std::string_view left = input;
  while (!left.empty()) {
    const ssize_t written = ::write(fd.get(), left.data(), left.size());
    if (written < 0 && errno != EINTR) return posix_error("cannot write a program's input", errno);
    if (written > 0) left.remove_prefix(static_cast<std::size_t>(written));
  }
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

/// This process's environment with what is added to it, and the pointers that exec takes.
class ChildEnvironment {
 public:
  explicit ChildEnvironment(const std::vector<std::pair<std::string, std::string>>& added) {
    for (const auto& [name, value] : added) added_.push_back(name + "=" + value);
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
      const std::string_view text = *entry;
      const std::string_view name = text.substr(0, text.find('='));
      const bool replaced =
          std::any_of(added.begin(), added.end(), [&](const auto& one) { return one.first == name; });
      if (!replaced) pointers_.push_back(*entry);
    }
    for (auto& entry : added_) pointers_.push_back(entry.data());
    pointers_.push_back(nullptr);
  }
  char** get() { return pointers_.data(); }

 private:
  std::vector<std::string> added_;
  std::vector<char*> pointers_;
};

/// Starts the program in a process group of its own with ordinary signals; returns its id.
Result<pid_t> start_child(ProcessOptions& options, int input, int output) {
  if (options.arguments.empty()) return invalid_argument("there is no program to run");
  std::vector<char*> arguments;
  for (auto& argument : options.arguments) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  ChildEnvironment environment(options.environment);

  posix_spawnattr_t attributes{};
  posix_spawn_file_actions_t actions{};
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_init(&actions);
  sigset_t none{};
  sigset_t all{};
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  pid_t child = -1;
  const int error =
      ::posix_spawnp(&child, arguments.front(), &actions, &attributes, arguments.data(), environment.get());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) return posix_error("cannot run " + options.arguments.front(), error);
  return child;
}

/// A program under way; held by the Process and by what waits in the reactor.
class Child final : public LocalCounted<Child> {
 public:
  Child(AsioLoop& loop, ProcessOptions options, Done done)
      : loop_(loop.shared_from_this()),
        output_(loop.io),
        exit_(loop.io),
        timer_(loop.io),
        options_(std::move(options)),
        tail_(options_.max_output),
        done_(std::move(done)) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  /// A child that is still there when the loop goes is killed, and no zombie stays.
  ~Child() {
    if (pid_ < 0) return;
    kill();
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  void start() {
    if (Status begun = begin(); !begun.ok()) {
      kill();
      asio::post(loop_->io, [self = base::Ref<Child>::share(this), begun] { self->finish(begun); });
      return;
    }
    wait_for_output();
    exit_.async_wait(Descriptor::wait_read,
                     [self = base::Ref<Child>::share(this)](const asio::error_code&) { self->on_exit(); });
    timer_.expires_after(options_.timeout);
    timer_.async_wait([self = base::Ref<Child>::share(this)](const asio::error_code& error) {
      if (error || self->pid_ < 0) return;
      self->result_.timed_out = true;
      self->kill();
    });
  }

  void abandon() {
    done_ = nullptr;
    kill();
  }

 private:
  Status begin() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) return posix_error("cannot make a pipe", errno);
    UniqueFd ours(ends[0]);
    const UniqueFd theirs(ends[1]);
    ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);  // only the end that is read here
    Result<UniqueFd> input = make_input(options_.input);
    if (!input) return input.status();
    Result<pid_t> child = start_child(options_, input->get(), theirs.get());
    if (!child) return child.status();
    pid_ = *child;
    UniqueFd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (!ended.valid()) return posix_error("cannot watch a program", errno);
    asio::error_code error;
    output_.assign(ours.get(), error);
    if (error) return posix_error("cannot watch a program's output", error.value());
    ours.release();
    exit_.assign(ended.get(), error);
    if (error) return posix_error("cannot watch a program", error.value());
    ended.release();
    return {};
  }

  void wait_for_output() {
    output_.async_wait(Descriptor::wait_read,
                       [self = base::Ref<Child>::share(this)](const asio::error_code& error) {
                         if (!error && self->read_output()) self->wait_for_output();
                       });
  }

  /// Takes what is there; returns whether more may come.
  bool read_output() {
    std::array<char, 16384> buffer;
    // A program that writes without end must not keep the loop.
    for (int round = 0; round < 16; ++round) {
      const ssize_t got = ::read(output_.native_handle(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return errno == EAGAIN;
      if (got == 0) return false;
      tail_.append({buffer.data(), static_cast<std::size_t>(got)});
    }
    return true;
  }

  void on_exit() {
    int status = 0;
    if (pid_ < 0) return;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    read_output();
    result_.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    result_.output_size = tail_.total();
    result_.output = tail_.take();
    finish(std::move(result_));
  }

  void kill() {
    if (pid_ > 0) ::kill(-pid_, SIGKILL);
  }

  void finish(Result<ProcessResult> result) {
    asio::error_code ignored;
    output_.close(ignored);
    exit_.close(ignored);
    timer_.cancel();
    if (!done_) return;
    Done done = std::move(done_);
    loop_->turn([&] { done(std::move(result)); });
  }

  const std::shared_ptr<AsioLoop> loop_;
  Descriptor output_;
  Descriptor exit_;
  AsioLoop::Timer timer_;
  ProcessOptions options_;
  TailBuffer tail_;
  ProcessResult result_;
  Done done_;
  pid_t pid_ = -1;
};

class AsioProcess final : public Process {
 public:
  explicit AsioProcess(base::Ref<Child> child) : child_(std::move(child)) {}
  AsioProcess(const AsioProcess&) = delete;
  AsioProcess& operator=(const AsioProcess&) = delete;
  ~AsioProcess() override { child_->abandon(); }

 private:
  base::Ref<Child> child_;
};

}  // namespace

std::unique_ptr<Process> asio_spawn(AsioLoop& loop, ProcessOptions options, Done done) {
  auto child = base::Ref<Child>::share(new Child(loop, std::move(options), std::move(done)));
  child->start();
  return std::make_unique<AsioProcess>(std::move(child));
}

}  // namespace discovery::env
