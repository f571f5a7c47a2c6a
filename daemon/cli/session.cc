#include <string>
#include <utility>
#include <vector>

#include "daemon/cli/commands.h"
#include "daemon/cli/format.h"
#include "daemon/cli/http_options.h"
#include "daemon/cli/reply.h"
#include "lib/base/duration.h"
#include "lib/codec/json_writer.h"

namespace discovery::cli {
namespace {

std::string duration_of(const rapidjson::Value& session, const char* member) {
  return base::format_go_duration(Duration(static_cast<std::int64_t>(number_of(session, member))));
}

std::vector<std::string> checks_of(const rapidjson::Value& session) {
  std::vector<std::string> checks;
  if (const rapidjson::Value* node = find_member(session, "NodeChecks")) checks = texts_in(*node);
  const rapidjson::Value* const services = find_member(session, "ServiceChecks");
  if (services == nullptr || !services->IsArray()) return checks;
  for (const rapidjson::Value& check : services->GetArray()) checks.push_back(text_of(check, "ID"));
  return checks;
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

class SessionCreate final : public Command {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd session create [options]\n"
           "\n"
           "  Creates a session and prints its id. It ends when it is destroyed, when its node or one of\n"
           "  its checks fails, or when its TTL passes (twice, at the latest) and it was not renewed.\n"
           "\n"
           "      $ discoveryd session create -name=backup -ttl=30s\n";
  }

  void declare(FlagSet& flags) override {
    flags.add({"behavior", "what",
               "What becomes of the keys that it holds when it ends: release or delete. Default: release."},
              behavior_);
    flags.add(
        {"check", "id", "A check of the node that it depends on, instead of serfHealth; may be repeated."},
        checks_);
    flags.add({"lock-delay", "duration",
               "How long nobody gets the locks of a session that was invalidated, up to 60s. Default: 15s."},
              lock_delay_);
    flags.add({"name", "text", "What it is called; for people."}, name_);
    flags.add({"node", "name", "The node that it belongs to. Default: the agent's."}, node_);
    flags.add({"ttl", "duration", "Between 10s and 24h. Default: it has none."}, ttl_);
    http_.declare(flags);
  }

  int run(Context& context, const std::vector<std::string>& args) override {
    if (!args.empty()) return fail_too_many(context, "0", args.size());
    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());
    const Result<std::string> body = client->call({.method = "PUT",
                                                   .path = "/v1/session/create",
                                                   .body = definition(),
                                                   .content_type = "application/json"});
    if (!body.ok()) return fail(context, "Error creating session: ", body.status());
    const Result<rapidjson::Document> created = parse_reply(*body);
    if (!created.ok()) return fail(context, "Error creating session: ", created.status());
    context.out << text_of(*created, "ID") << '\n';
    return kExitSuccess;
  }

 private:
  std::string definition() const {
    std::string json;
    codec::JsonWriter writer(json);
    writer.begin_object();
    for (const auto& [key, value] : {std::pair("Behavior", &behavior_),
                                     {"LockDelay", &lock_delay_},
                                     {"Name", &name_},
                                     {"Node", &node_},
                                     {"TTL", &ttl_}}) {
      if (!value->empty()) writer.field(key, *value);
    }
    if (!checks_.empty()) writer.field("NodeChecks", checks_);
    writer.end_object();
    return json;
  }

  HttpOptions http_;
  std::string behavior_, lock_delay_, name_, node_, ttl_;
  std::vector<std::string> checks_;
};

/// A command on one session that is named by its id.
class SessionCommand : public Command {
 public:
  void declare(FlagSet& flags) override { http_.declare(flags); }

  int run(Context& context, const std::vector<std::string>& args) final {
    if (args.empty() || args[0].empty()) return fail(context, "Error! Missing ID argument");
    if (args.size() > 1) return fail_too_many(context, "1", args.size());
    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());
    return run_on(context, *client, args[0]);
  }

 protected:
  virtual int run_on(Context& context, ApiClient& client, const std::string& id) = 0;

  static std::string path(const char* verb, const std::string& id) {
    return std::string("/v1/session/") + verb + "/" + escape_path(id);
  }
  static int fail_unknown(Context& context, const std::string& id) {
    return fail(context, "Error! No session exists with ID: " + id);
  }

 private:
  HttpOptions http_;
};

class SessionDestroy final : public SessionCommand {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd session destroy [options] ID\n"
           "\n"
           "  Ends a session; it is no error if there is none. The locks that it holds are released, or\n"
           "  their keys deleted, as its behavior says.\n";
  }

 private:
  int run_on(Context& context, ApiClient& client, const std::string& id) override {
    const Result<std::string> done = client.call({.method = "PUT", .path = path("destroy", id)});
    if (!done.ok()) return fail(context, "Error destroying session: ", done.status());
    context.out << "Success! Destroyed session: " << id << '\n';
    return kExitSuccess;
  }
};

class SessionRenew final : public SessionCommand {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd session renew [options] ID\n"
           "\n"
           "  Lets the TTL of a session begin anew, and prints it.\n";
  }

 private:
  int run_on(Context& context, ApiClient& client, const std::string& id) override {
    const Result<ApiResponse> response = client.send({.method = "PUT", .path = path("renew", id)});
    if (!response.ok()) return fail(context, "Error renewing session: ", response.status());
    if (response->status == kNotFound) return fail_unknown(context, id);
    if (response->status != kOk) {
      return fail(context, "Error renewing session: ", unexpected_response(*response));
    }
    const Result<rapidjson::Document> list = parse_reply(response->body);
    if (!list.ok()) return fail(context, "Error renewing session: ", list.status());
    const bool has_one = list->IsArray() && !list->Empty();
    context.out << "Success! Renewed session: " << id
                << " (TTL: " << or_dash(has_one ? text_of((*list)[0], "TTL") : "") << ")\n";
    return kExitSuccess;
  }

  static constexpr int kOk = 200;
  static constexpr int kNotFound = 404;
};

class SessionInfo final : public SessionCommand {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd session info [options] ID\n"
           "\n"
           "  Shows all that is known of a session.\n";
  }

 private:
  int run_on(Context& context, ApiClient& client, const std::string& id) override {
    const Result<std::string> body = client.call({.path = path("info", id)});
    if (!body.ok()) return fail(context, "Error querying Consul agent: ", body.status());
    const Result<rapidjson::Document> list = parse_reply(*body);
    if (!list.ok()) return fail(context, "Error querying Consul agent: ", list.status());
    if (!list->IsArray() || list->Empty()) return fail_unknown(context, id);
    const rapidjson::Value& session = (*list)[0];
    constexpr std::size_t kGap = 6;
    context.out << columns({{"ID", text_of(session, "ID")},
                            {"Name", or_dash(text_of(session, "Name"))},
                            {"Node", text_of(session, "Node")},
                            {"Behavior", text_of(session, "Behavior")},
                            {"TTL", or_dash(text_of(session, "TTL"))},
                            {"LockDelay", duration_of(session, "LockDelay")},
                            {"Checks", or_dash(join(checks_of(session), ", "))},
                            {"CreateIndex", std::to_string(number_of(session, "CreateIndex"))},
                            {"ModifyIndex", std::to_string(number_of(session, "ModifyIndex"))}},
                           kGap)
                << '\n';
    return kExitSuccess;
  }
};

class SessionList final : public Command {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd session list [options]\n"
           "\n"
           "  Lists the sessions of a datacenter, or of one node.\n";
  }

  void declare(FlagSet& flags) override {
    flags.add({"node", "name", "Only those of this node."}, node_);
    http_.declare(flags);
  }

  int run(Context& context, const std::vector<std::string>& args) override {
    if (!args.empty()) return fail_too_many(context, "0", args.size());
    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());
    const Result<std::string> body =
        client->call({.path = node_.empty() ? "/v1/session/list" : "/v1/session/node/" + escape_path(node_)});
    if (!body.ok()) return fail(context, "Error querying Consul agent: ", body.status());
    const Result<rapidjson::Document> list = parse_reply(*body);
    if (!list.ok()) return fail(context, "Error querying Consul agent: ", list.status());
    std::vector<std::vector<std::string>> rows = {{"ID", "Name", "Node", "Behavior", "TTL", "LockDelay"}};
    if (!list->IsArray() || list->Empty()) return kExitSuccess;
    for (const rapidjson::Value& session : list->GetArray()) {
      rows.push_back({text_of(session, "ID"), or_dash(text_of(session, "Name")), text_of(session, "Node"),
                      text_of(session, "Behavior"), or_dash(text_of(session, "TTL")),
                      duration_of(session, "LockDelay")});
    }
    context.out << columns(rows) << '\n';
    return kExitSuccess;
  }

 private:
  HttpOptions http_;
  std::string node_;
};

}  // namespace

std::unique_ptr<Command> make_session_create() { return std::make_unique<SessionCreate>(); }
std::unique_ptr<Command> make_session_destroy() { return std::make_unique<SessionDestroy>(); }
std::unique_ptr<Command> make_session_info() { return std::make_unique<SessionInfo>(); }
std::unique_ptr<Command> make_session_list() { return std::make_unique<SessionList>(); }
std::unique_ptr<Command> make_session_renew() { return std::make_unique<SessionRenew>(); }

}  // namespace discovery::cli
