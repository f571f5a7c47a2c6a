#include <string>
#include <utility>
#include <vector>

#include "daemon/cli/commands.h"
#include "daemon/cli/http_options.h"
#include "daemon/cli/reply.h"
#include "lib/filter/pattern.h"

namespace discovery::cli {
namespace {

class Event final : public Command {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd event [options] -name NAME [PAYLOAD]\n"
           "\n"
           "  Fires an event at the nodes of a datacenter, and prints its id. It may be lost: nothing\n"
           "  says who has seen it. Filters are regular expressions, which each node looks at itself.\n"
           "\n"
           "      $ discoveryd event -name=deploy -service=web 1609030\n";
  }

  void declare(FlagSet& flags) override {
    flags.add({"name", "name", "What the event is called; required."}, name_);
    flags.add({"node", "regex", "Only nodes with such a name."}, node_);
    flags.add({"service", "regex", "Only nodes that have a service with such an id."}, service_);
    flags.add({"tag", "regex", "Only where that service has such a tag; with -service."}, tag_);
    http_.declare(flags);
  }

  int run(Context& context, const std::vector<std::string>& args) override {
    if (name_.empty()) return fail_with_help(context, "Event name must be specified");
    for (const auto& [what, filter] : {std::pair("node", &node_), {"service", &service_}, {"tag", &tag_}}) {
      const Result<filter::Pattern> pattern = filter::Pattern::compile(*filter);
      if (pattern.ok()) continue;
      return fail(context, std::string("Failed to compile ") + what + " filter regexp: ", pattern.status());
    }
    if (!tag_.empty() && service_.empty()) {
      return fail(context, "Cannot provide tag filter without service filter.");
    }
    if (args.size() > 1) return fail_with_help(context, "Too many command line arguments.");
    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());

    ApiRequest request{.method = "PUT", .path = "/v1/event/fire/" + escape_path(name_)};
    for (const auto& [key, value] : {std::pair("node", &node_), {"service", &service_}, {"tag", &tag_}}) {
      if (!value->empty()) request.query.emplace_back(key, *value);
    }
    if (!args.empty()) request.body = args[0];
    const Result<std::string> body = client->call(request);
    if (!body.ok()) return fail(context, "Error firing event: ", body.status());
    const Result<rapidjson::Document> fired = parse_reply(*body);
    if (!fired.ok()) return fail(context, "Error firing event: ", fired.status());
    context.out << "Event ID: " << text_of(*fired, "ID") << '\n';
    return kExitSuccess;
  }

 private:
  int fail_with_help(Context& context, std::string_view message) {
    FlagSet flags;
    declare(flags);
    context.err << message << "\n\n" << usage() << '\n' << flags.usage() << '\n';
    return kExitFailure;
  }

  HttpOptions http_;
  std::string name_, node_, service_, tag_;
};

}  // namespace

std::unique_ptr<Command> make_event() { return std::make_unique<Event>(); }

}  // namespace discovery::cli
