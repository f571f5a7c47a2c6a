#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "daemon/cli/commands.h"
#include "daemon/cli/http_options.h"

namespace discovery::cli {
namespace {

class Monitor final : public Command {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd monitor [options]\n"
           "\n"
           "  Shows the log of the agent from now on, until it is interrupted. The level may be lower\n"
           "  than the one that the agent itself logs at.\n";
  }

  void declare(FlagSet& flags) override {
    flags.add({"log-json", "", "Show lines of JSON. Default: false."}, json_);
    flags.add({"log-level", "level", "trace, debug, info, warn or err. Default: info."}, level_);
    http_.declare(flags);
  }

  int run(Context& context, const std::vector<std::string>& args) override {
    if (!args.empty()) return fail_too_many(context, "0", args.size());
    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());
    ApiRequest request{.path = "/v1/agent/monitor", .query = {{"loglevel", level_}}};
    if (json_) request.query.emplace_back("logjson", "");
    // Whoever interrupts has seen enough; that is no failure.
    const auto previous = std::signal(SIGINT, [](int) { std::_Exit(kExitSuccess); });
    const Result<ApiResponse> response = client->stream(request, [this, &context](std::string_view lines) {
      started_ = true;
      context.out << lines << std::flush;
      return context.out.good();
    });
    std::signal(SIGINT, previous);
    if (response.ok() && response->status != kOk) {
      return fail(context, "Error starting monitor: ", unexpected_response(*response));
    }
    if (!response.ok() && !started_) return fail(context, "Error starting monitor: ", response.status());
    context.out << "\nRemote side ended the monitor! This usually means that the\n"
                   "remote side has exited or crashed.\n";
    return kExitFailure;
  }

 private:
  static constexpr int kOk = 200;
  HttpOptions http_;
  bool json_ = false, started_ = false;
  std::string level_ = "INFO";
};

}  // namespace

std::unique_ptr<Command> make_monitor() { return std::make_unique<Monitor>(); }

}  // namespace discovery::cli
