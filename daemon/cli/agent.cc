#include <map>
#include <string>
#include <utility>
#include <vector>

#include "daemon/cli/commands.h"
#include "daemon/cli/http_options.h"
#include "daemon/cli/reply.h"

namespace discovery::cli {
namespace {

/// A command that asks the agent to do one thing, without arguments of its own.
class Order : public Command {
 public:
  void declare(FlagSet& flags) override { http_.declare(flags); }

  int run(Context& context, const std::vector<std::string>& args) final {
    if (!args.empty()) return fail_too_many(context, "0", args.size());
    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());
    const Result<std::string> done = client->call({.method = "PUT", .path = path()});
    if (!done.ok()) return fail(context, failure(), done.status());
    context.out << success() << '\n';
    return kExitSuccess;
  }

 private:
  virtual std::string path() const = 0;
  virtual std::string_view failure() const = 0;
  virtual std::string_view success() const = 0;

  HttpOptions http_;
};

class Reload final : public Order {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd reload [options]\n"
           "\n"
           "  Lets the agent read its configuration anew. Services, checks and what else may change\n"
           "  while it runs are taken over; if anything is wrong, all stays as it was.\n";
  }

 private:
  std::string path() const override { return "/v1/agent/reload"; }
  std::string_view failure() const override { return "Error reloading: "; }
  std::string_view success() const override { return "Configuration reload triggered"; }
};

class Leave final : public Order {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd leave [options]\n"
           "\n"
           "  Lets the agent leave its cluster in good order. Its process ends.\n";
  }

 private:
  std::string path() const override { return "/v1/agent/leave"; }
  std::string_view failure() const override { return "Error leaving: "; }
  std::string_view success() const override { return "Graceful leave complete"; }
};

class ForceLeave final : public Command {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd force-leave [options] NAME\n"
           "\n"
           "  Takes a member of the cluster that has failed for one that has left. One that is alive\n"
           "  comes back at once.\n";
  }

  void declare(FlagSet& flags) override {
    flags.add({"prune", "", "Remove the member from the list as well. Default: false."}, prune_);
    flags.add({"wan", "", "A member of the pool between datacenters. Default: false."}, wan_);
    http_.declare(flags);
  }

  int run(Context& context, const std::vector<std::string>& args) override {
    if (args.size() != 1) return fail(context, "A single node name must be specified to force leave.");
    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());
    ApiRequest request{.method = "PUT", .path = "/v1/agent/force-leave/" + escape_path(args[0])};
    if (prune_) request.query.emplace_back("prune", "1");
    if (wan_) request.query.emplace_back("wan", "1");
    const Result<std::string> done = client->call(request);
    if (!done.ok()) return fail(context, "Error force leaving: ", done.status());
    return kExitSuccess;
  }

 private:
  HttpOptions http_;
  bool prune_ = false, wan_ = false;
};

class Join final : public Command {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd join [options] ADDRESS ...\n"
           "\n"
           "  Lets the agent join the cluster of the agents at the given addresses.\n";
  }

  void declare(FlagSet& flags) override {
    flags.add({"wan", "", "Join the pool between datacenters. Default: false."}, wan_);
    http_.declare(flags);
  }

  int run(Context& context, const std::vector<std::string>& args) override {
    if (args.empty()) return fail(context, "At least one address to join must be specified.");
    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());
    std::size_t joined = 0;
    for (const std::string& address : args) {
      ApiRequest request{.method = "PUT", .path = "/v1/agent/join/" + escape_path(address)};
      if (wan_) request.query.emplace_back("wan", "1");
      const Result<std::string> done = client->call(request);
      if (done.ok()) {
        ++joined;
      } else {
        fail(context, "Error joining address '" + address + "': ", done.status());
      }
    }
    if (joined == 0) return fail(context, "Failed to join any nodes.");
    context.out << "Successfully joined cluster by contacting " << joined << " nodes.\n";
    return joined == args.size() ? kExitSuccess : kExitFailure;
  }

 private:
  HttpOptions http_;
  bool wan_ = false;
};

class Info final : public Command {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd info [options]\n"
           "\n"
           "  Shows the inner state of the agent, for those who look for what is wrong.\n";
  }

  void declare(FlagSet& flags) override { http_.declare(flags); }

  int run(Context& context, const std::vector<std::string>& args) override {
    if (!args.empty()) return fail_too_many(context, "0", args.size());
    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());
    const Result<std::string> body = client->call({.path = "/v1/agent/self"});
    if (!body.ok()) return fail(context, "Error querying agent: ", body.status());
    const Result<rapidjson::Document> reply = parse_reply(*body);
    if (!reply.ok()) return fail(context, "Error querying agent: ", reply.status());
    const rapidjson::Value* const stats = find_member(*reply, "Stats");
    if (stats == nullptr || !stats->IsObject()) return fail(context, "Agent did not provide stats");
    std::map<std::string, KeyValues> groups;
    for (const auto& group : stats->GetObject()) {
      const std::string name = group.name.GetString();
      groups[name] = pairs_of(*stats, name.c_str());
    }
    for (const auto& [name, values] : groups) {
      context.out << name << ":\n";
      for (const auto& [key, value] : values) context.out << '\t' << key << " = " << value << '\n';
    }
    return kExitSuccess;
  }

 private:
  HttpOptions http_;
};

}  // namespace

std::unique_ptr<Command> make_force_leave() { return std::make_unique<ForceLeave>(); }
std::unique_ptr<Command> make_info() { return std::make_unique<Info>(); }
std::unique_ptr<Command> make_join() { return std::make_unique<Join>(); }
std::unique_ptr<Command> make_leave() { return std::make_unique<Leave>(); }
std::unique_ptr<Command> make_reload() { return std::make_unique<Reload>(); }

}  // namespace discovery::cli
