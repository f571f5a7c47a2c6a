// Names and programs of the simulated world.

#include <algorithm>
#include <utility>

#include "lib/env/sim_env.h"
#include "lib/env/tail_buffer.h"

namespace discovery::env {
namespace {

class SimProcess final : public Process {
 public:
  SimProcess(Env& env, UniqueFunction<void(Result<ProcessResult>)> done)
      : timer_(env.make_timer()), done_(std::move(done)) {}

  void end_after(Duration delay, Result<ProcessResult> result) {
    timer_->start(delay, [this, result = std::move(result)]() mutable {
      auto done = std::move(done_);
      done(std::move(result));  // may destroy this
    });
  }

 private:
  std::unique_ptr<Timer> timer_;
  UniqueFunction<void(Result<ProcessResult>)> done_;
};

}  // namespace

void SimEnv::resolve(const std::string& name, UniqueFunction<void(Result<std::vector<std::string>>)> done) {
  Result<std::vector<std::string>> found = Status(Code::kNotFound, "lookup " + name + ": no such host");
  const bool is_address = !name.empty() && name.find_first_not_of("0123456789.") == std::string::npos;
  if (is_address || name.find(':') != std::string::npos) {
    found = std::vector<std::string>{name};
  } else if (name == "localhost") {
    found = std::vector<std::string>{"127.0.0.1"};
  }
  for (const auto& machine : world_.machines_) {
    if (machine->name() == name) found = std::vector<std::string>{machine->address()};
  }
  post([found = std::move(found), done = std::move(done)]() mutable { done(std::move(found)); });
}

std::unique_ptr<Process> SimEnv::spawn(ProcessOptions options,
                                       UniqueFunction<void(Result<ProcessResult>)> done) {
  auto process = std::make_unique<SimProcess>(*this, std::move(done));
  const std::string name = options.arguments.empty() ? std::string() : options.arguments.front();
  const auto program = programs_.find(name);
  if (program == programs_.end()) {
    process->end_after(Duration::zero(),
                       Status(Code::kNotFound, "cannot run " + name + ": No such file or directory"));
    return process;
  }
  const SimProgram run = program->second(options);
  TailBuffer tail(options.max_output);
  tail.append(run.output);
  ProcessResult result;
  result.timed_out = run.takes > options.timeout;
  result.exit_code = result.timed_out ? 128 + 9 : run.exit_code;
  result.output_size = tail.total();
  result.output = tail.take();
  process->end_after(std::min(run.takes, options.timeout), std::move(result));
  return process;
}

}  // namespace discovery::env
