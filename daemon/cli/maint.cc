#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/cli/commands.h"
#include "daemon/cli/http_options.h"
#include "daemon/cli/reply.h"
#include "lib/base/strings.h"

namespace discovery::cli {
namespace {

constexpr std::string_view kServiceCheck = "_service_maintenance:";

class Maint final : public Command {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd maint [options]\n"
           "\n"
           "  Puts the node, or one of its services, into maintenance or takes it out again; without\n"
           "  -enable and -disable it shows what is in maintenance. Whoever looks for a service does\n"
           "  not find what is.\n"
           "\n"
           "      $ discoveryd maint -enable -reason=\"new disk\"\n"
           "      $ discoveryd maint -disable -service=web\n";
  }

  void declare(FlagSet& flags) override {
    flags.add({"disable", "", "End maintenance."}, disable_);
    flags.add({"enable", "", "Begin maintenance."}, enable_);
    flags.add({"reason", "text", "Why; shown to those who look. With -enable only."}, reason_);
    flags.add({"service", "id", "A service of the agent instead of the node."}, service_);
    http_.declare(flags);
  }

  int run(Context& context, const std::vector<std::string>& args) override {
    if (!args.empty()) return fail_too_many(context, "0", args.size());
    if (enable_ && disable_) return fail(context, "Only one of -enable or -disable may be provided");
    if (!enable_ && !reason_.empty()) return fail(context, "Reason may only be provided with -enable");
    if (!enable_ && !disable_ && !service_.empty()) {
      return fail(context, "Service requires either -enable or -disable");
    }
    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());
    return enable_ || disable_ ? change(context, *client) : list(context, *client);
  }

 private:
  int change(Context& context, ApiClient& client) const {
    const std::string what = service_.empty() ? "node" : "service";
    ApiRequest request{.method = "PUT",
                       .path = service_.empty() ? "/v1/agent/maintenance"
                                                : "/v1/agent/service/maintenance/" + escape_path(service_)};
    request.query.emplace_back("enable", enable_ ? "true" : "false");
    if (enable_) request.query.emplace_back("reason", reason_);
    const Result<std::string> done = client.call(request);
    if (!done.ok()) {
      return fail(context,
                  std::string("Error ") + (enable_ ? "enabling " : "disabling ") + what + " maintenance: ",
                  done.status());
    }
    const char* const state = enable_ ? "enabled" : "disabled";
    if (service_.empty()) {
      context.out << "Node maintenance is now " << state << '\n';
    } else {
      context.out << "Service maintenance is now " << state << " for " << base::go_quote(service_) << '\n';
    }
    return kExitSuccess;
  }

  static int list(Context& context, ApiClient& client) {
    const auto ask = [&client](const char* path) -> Result<rapidjson::Document> {
      const Result<std::string> body = client.call({.path = path});
      if (!body.ok()) return body.status();
      return parse_reply(*body);
    };
    const Result<rapidjson::Document> self = ask("/v1/agent/self");
    if (!self.ok()) return fail(context, "Error querying Consul agent: ", self.status());
    const Result<rapidjson::Document> checks = ask("/v1/agent/checks");
    if (!checks.ok()) return fail(context, "Error getting checks: ", checks.status());
    if (!checks->IsObject()) return kExitSuccess;
    for (const auto& member : checks->GetObject()) {
      const std::string id = text_of(member.value, "CheckID");
      if (id == "_node_maintenance") {
        const rapidjson::Value* const config = find_member(*self, "Config");
        context.out << "Node:\n  Name:   " << (config == nullptr ? "" : text_of(*config, "NodeName"));
      } else if (id.starts_with(kServiceCheck)) {
        context.out << "Service:\n  ID:     " << text_of(member.value, "ServiceID");
      } else {
        continue;
      }
      context.out << "\n  Reason: " << text_of(member.value, "Notes") << "\n\n";
    }
    return kExitSuccess;
  }

  HttpOptions http_;
  bool enable_ = false, disable_ = false;
  std::string reason_, service_;
};

}  // namespace

std::unique_ptr<Command> make_maint() { return std::make_unique<Maint>(); }

}  // namespace discovery::cli
