#include <string>
#include <vector>

#include "daemon/cli/commands.h"
#include "daemon/config/explain.h"
#include "daemon/config/host.h"
#include "daemon/config/load.h"
#include "lib/api/definitions.h"
#include "lib/api/watch_plan.h"

namespace discovery::cli {
namespace {

class Validate final : public Command {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd validate [options] FILE_OR_DIRECTORY ...\n"
           "\n"
           "  Checks configuration files as the agent would at its start, without starting one: syntax,\n"
           "  keys, values, and the definitions of services and checks.\n";
  }

  void declare(FlagSet& flags) override {
    flags.add({"config-format", "format", "Read all files as hcl, or as json, whatever their names are."},
              format_);
    flags.add({"quiet", "", "Say nothing if all is well. Default: false."}, quiet_);
  }

  int run(Context& context, const std::vector<std::string>& args) override {
    if (args.empty()) return fail(context, "Must specify at least one config file or directory");
    if (!format_.empty() && format_ != "hcl" && format_ != "json") {
      return fail(context, "-config-format must be either 'hcl' or 'json'");
    }
    config::AgentFlags flags;
    flags.config_paths = args;
    flags.config_format = format_;
    const Result<config::LoadedConfig> loaded = config::load_agent_config(flags, config::this_host());
    if (!loaded.ok()) return fail(context, "Config validation failed: ", loaded.status());
    const Result<api::Definitions> definitions = api::read_definitions(loaded->config);
    if (!definitions.ok()) {
      return fail(context, "Config validation failed: " +
                               config::explained(std::string(definitions.status().message()), {}));
    }
    const Result<api::WatchPlans> watches = api::read_watches(loaded->config);
    if (!watches.ok()) {
      return fail(context, "Config validation failed: " +
                               config::explained(std::string(watches.status().message()), {}));
    }
    if (quiet_) return kExitSuccess;
    for (const std::string& warning : loaded->warnings) context.out << warning << '\n';
    for (const std::string& warning : definitions->warnings) context.out << warning << '\n';
    for (const std::string& warning : watches->warnings) context.out << warning << '\n';
    context.out << "Configuration is valid!\n";
    return kExitSuccess;
  }

 private:
  std::string format_;
  bool quiet_ = false;
};

}  // namespace

std::unique_ptr<Command> make_validate() { return std::make_unique<Validate>(); }

}  // namespace discovery::cli
