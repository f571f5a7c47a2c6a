#include "daemon/cli/program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "daemon/cli/format.h"
#include "lib/base/strings.h"

namespace discovery::cli {
namespace {

constexpr std::array kForwarded = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};

Status failure(int error, const std::string& program) {
  const std::string begin = "exec: " + base::go_quote(program) + ": ";
  if (error == ENOENT && program.find('/') == std::string::npos) {
    return {Code::kNotFound, begin + "executable file not found in $PATH"};
  }
  return {Code::kFailedPrecondition, begin + std::generic_category().message(error)};
}

/// A descriptor from which `text` can be read.
env::UniqueFd readable(const std::string& text) {
  env::UniqueFd fd(::memfd_create("input", MFD_CLOEXEC));
  std::string_view rest = text;
  while (fd.valid() && !rest.empty()) {
    const ssize_t written = ::write(fd.get(), rest.data(), rest.size());
    if (written < 0 && errno != EINTR) return {};
    if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
  }
  if (fd.valid()) ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

/// The process's environment with `added` instead of what has these names.
std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& added) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    bool replaced = false;
    for (const auto& [name, value] : added) replaced |= text.starts_with(name + "=");
    if (!replaced) out.emplace_back(text);
  }
  for (const auto& [name, value] : added) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// posix_spawn's attributes and file actions, which want to be freed.
struct SpawnSetup {
  SpawnSetup() {
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_init(&actions);
  }
  ~SpawnSetup() {
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
};

/// As Go names signals.
std::string signal_name(int number) {
  constexpr std::array<std::pair<int, const char*>, 9> kNames{{{SIGHUP, "hangup"},
                                                               {SIGINT, "interrupt"},
                                                               {SIGQUIT, "quit"},
                                                               {SIGABRT, "aborted"},
                                                               {SIGKILL, "killed"},
                                                               {SIGSEGV, "segmentation fault"},
                                                               {SIGUSR1, "user defined signal 1"},
                                                               {SIGUSR2, "user defined signal 2"},
                                                               {SIGTERM, "terminated"}}};
  for (const auto& [known, name] : kNames) {
    if (known == number) return name;
  }
  return "signal " + std::to_string(number);
}

}  // namespace

SignalGate::SignalGate() {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  for (const int number : kForwarded) ::sigaddset(&wanted, number);
  ::pthread_sigmask(SIG_BLOCK, &wanted, &before_);
  fd_ = env::UniqueFd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
}

SignalGate::~SignalGate() {
  while (take() != 0) {  // they were for the program
  }
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int SignalGate::take() {
  signalfd_siginfo info{};
  const ssize_t size = ::read(fd_.get(), &info, sizeof info);
  return size == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

Result<Program> Program::start(const ProgramOptions& options, const Environment& env,
                               const SignalGate& gate) {
  std::vector<std::string> arguments = options.arguments;
  if (options.shell) {
    const std::string shell = env("SHELL").value_or("");
    arguments = {shell.empty() ? "/bin/sh" : shell, "-c", join(options.arguments, " ")};
  }
  std::vector<std::string> environment = environment_with(options.environment);

  SpawnSetup setup;
  env::UniqueFd input;
  if (options.input) {
    input = readable(*options.input);
    if (!input.valid()) return failure(errno, arguments[0]);
    ::posix_spawn_file_actions_adddup2(&setup.actions, input.get(), STDIN_FILENO);
  } else if (!options.pass_stdin) {
    ::posix_spawn_file_actions_addopen(&setup.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  ::posix_spawnattr_setsigmask(&setup.attributes, &gate.before());
  ::posix_spawnattr_setpgroup(&setup.attributes, 0);
  const bool has_group = !options.pass_stdin;
  const int flags = POSIX_SPAWN_SETSIGMASK | (has_group ? POSIX_SPAWN_SETPGROUP : 0);
  ::posix_spawnattr_setflags(&setup.attributes, static_cast<short>(flags));

  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, arguments[0].c_str(), &setup.actions, &setup.attributes,
                                   pointers(arguments).data(), pointers(environment).data());
  if (error != 0) return failure(error, arguments[0]);
  env::UniqueFd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  return Program(pid, has_group, std::move(ended));
}

void Program::signal(int number) const { ::kill(has_group_ ? -pid_ : pid_, number); }

Status Program::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) return {Code::kInternal, "wait: " + std::generic_category().message(errno)};
  }
  if (WIFSIGNALED(status)) return {Code::kFailedPrecondition, "signal: " + signal_name(WTERMSIG(status))};
  if (WEXITSTATUS(status) == 0) return {};
  return {Code::kFailedPrecondition, "exit status " + std::to_string(WEXITSTATUS(status))};
}

bool wait_readable(const std::vector<int>& fds, int timeout_ms, std::vector<bool>& ready) {
  std::vector<pollfd> polled;
  polled.reserve(fds.size());
  for (const int fd : fds) polled.push_back({fd, POLLIN, 0});
  const int count = ::poll(polled.data(), polled.size(), timeout_ms);
  ready.assign(fds.size(), false);
  for (std::size_t i = 0; i < fds.size(); ++i) ready[i] = count > 0 && polled[i].revents != 0;
  return count > 0;
}

}  // namespace discovery::cli
