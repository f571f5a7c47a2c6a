// Script checks: a program's exit code
// (https://developer.hashicorp.com/consul/docs/services/usage/checks#script-checks).

#include <chrono>
#include <utility>
#include <vector>

#include "lib/base/duration.h"
#include "lib/health/probe.h"

namespace discovery::health {
namespace {

constexpr Duration kDefaultTimeout = std::chrono::seconds(30);

class ScriptProbe final : public Probe {
 public:
  ScriptProbe(env::Env& env, std::vector<std::string> arguments, Duration timeout, std::size_t max_output)
      : env_(env), arguments_(std::move(arguments)), timeout_(timeout), max_output_(max_output) {}

  void start(Done done) override {
    done_ = std::move(done);
    process_ = env_.spawn(
        {.arguments = arguments_, .max_output = max_output_, .timeout = timeout_},
        [this](const Result<env::ProcessResult>& result) {
          end(result.ok() ? judge(*result) : ProbeResult{Health::kCritical, 0, failure(result.status())});
        });
  }

 private:
  /// In the words of Go.
  std::string failure(const Status& status) const {
    const std::string& program = arguments_.front();
    if (status.code() == Code::kNotFound && program.find('/') == std::string::npos) {
      return "exec: \"" + program + "\": executable file not found in $PATH";
    }
    return std::string(status.message());
  }

  ProbeResult judge(const env::ProcessResult& result) const {
    std::string output;
    if (result.output_size > result.output.size()) {
      output = "Captured " + std::to_string(result.output.size()) + " of " +
               std::to_string(result.output_size) + " bytes\n...\n";
    }
    output += result.output;
    if (result.timed_out) {
      std::string message = "Timed out (" + base::format_go_duration(timeout_) + ") running check";
      if (!output.empty()) message += "\n\n" + output;
      return {Health::kCritical, result.exit_code, std::move(message)};
    }
    const Health health = result.exit_code == 0   ? Health::kPassing
                          : result.exit_code == 1 ? Health::kWarning
                                                  : Health::kCritical;
    return {health, result.exit_code, std::move(output)};
  }

  void end(ProbeResult result) {
    auto done = std::move(done_);
    const auto process = std::move(process_);
    done(std::move(result));  // may destroy this
  }

  env::Env& env_;
  const std::vector<std::string> arguments_;
  const Duration timeout_;
  const std::size_t max_output_;
  Done done_;
  std::unique_ptr<env::Process> process_;
};

}  // namespace

std::unique_ptr<Probe> make_script_probe(ProbeWorld& world, const model::CheckSpec& spec,
                                         std::size_t max_output) {
  return std::make_unique<ScriptProbe>(
      world.env, spec.args, spec.timeout > Duration::zero() ? spec.timeout : kDefaultTimeout, max_output);
}

}  // namespace discovery::health
