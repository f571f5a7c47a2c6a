#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/cli/commands.h"
#include "daemon/cli/http_options.h"
#include "daemon/cli/program.h"
#include "daemon/cli/reply.h"
#include "lib/api/watch_plan.h"
#include "lib/codec/json_writer.h"
#include "lib/model/event.h"

namespace discovery::cli {
namespace {

constexpr int kOk = 200;
constexpr int kNotFound = 404;
constexpr int kNotImplemented = 501;

/// What was found, as JSON text, and the index that it goes with.
struct Found {
  std::string json;
  std::string mark;
};

/// What of a list of events comes after the one with this index; all of it, if there is none.
std::string newer_events(const std::string& json, const std::string& mark) {
  const Result<rapidjson::Document> list = parse_reply(json);
  if (!list.ok() || !list->IsArray()) return json;
  std::string out;
  codec::JsonWriter writer(out);
  writer.begin_array();
  rapidjson::SizeType begin = 0;
  for (rapidjson::SizeType i = 0; i < list->Size(); ++i) {
    if (std::to_string(model::event_index(text_of((*list)[i], "ID"))) == mark) begin = i + 1;
  }
  for (rapidjson::SizeType i = begin; i < list->Size(); ++i) {
    writer.element();
    writer.value(codec::Opaque{to_text((*list)[i])});
  }
  writer.end_array();
  return out;
}

/// Asks the agent again and again for what a plan says.
class Question {
 public:
  Question(ApiClient& client, const api::WatchPlan& plan) : client_(client), plan_(plan) {}

  /// Waits until there is something else than before. Errors: as ApiClient::call(); kUnavailable and others
  /// may pass.
  Result<Found> next() {
    while (true) {
      std::string target = plan_.target;
      if (!mark_.empty()) target += (plan_.by_hash ? "hash=" : "index=") + mark_ + "&";
      target.pop_back();
      const Result<ApiResponse> response = client_.send({.path = std::move(target)});
      if (!response.ok()) return failed(response.status());
      const bool is_nothing = response->status == kNotFound && !plan_.by_hash;
      if (response->status == kNotImplemented) {
        return Status(Code::kFailedPrecondition, response->body);
      }
      if (response->status != kOk && !is_nothing) return failed(unexpected_response(*response));
      const std::string& mark = plan_.by_hash ? response->hash : response->index;
      if (!mark.empty() && mark == mark_) continue;
      Result<Found> found = take(*response, is_nothing);
      if (!found.ok() || found->json != last_) {
        last_ = found.ok() ? found->json : "";
        return found;
      }
    }
  }

 private:
  Status failed(const Status& status) {
    mark_.clear();
    return {Code::kUnavailable, std::string(status.message())};
  }

  Result<Found> take(const ApiResponse& response, bool is_nothing) {
    std::string json = is_nothing ? (plan_.one_entry ? "null" : "[]") : response.body;
    if (plan_.one_entry && !is_nothing) {
      const Result<rapidjson::Document> list = parse_reply(json);
      if (!list.ok()) return failed(list.status());
      json = list->IsArray() && !list->Empty() ? to_text((*list)[0]) : "null";
    }
    if (plan_.by_event && !mark_.empty()) json = newer_events(json, mark_);
    const std::string mark = plan_.by_hash ? response.hash : response.index;
    // An index that falls counts from the beginning again. Those of events are no numbers that grow.
    const bool fell = !plan_.by_hash && !plan_.by_event && less(mark, mark_);
    mark_ = fell ? "" : mark;
    return Found{std::move(json), mark};
  }

  static bool less(const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  }

  ApiClient& client_;
  const api::WatchPlan& plan_;
  std::string mark_;
  std::string last_;
};

class Watch final : public Command {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd watch [options] -type TYPE [PROGRAM...]\n"
           "\n"
           "  Without a program: prints what there is as JSON. With one: runs it at the start and at each\n"
           "  change, with the JSON as its standard input and the index in CONSUL_INDEX, until it fails or\n"
           "  the command is interrupted.\n"
           "\n"
           "      $ discoveryd watch -type=key -key=config/port\n"
           "      $ discoveryd watch -type=service -service=web -passingonly=true ./reload.sh\n";
  }

  void declare(FlagSet& flags) override {
    flags.add({"filter", "expression", "Only what fits it; types services, nodes, service and checks."},
              filter_);
    flags.add({"key", "key", "For type key."}, key_);
    flags.add({"name", "name", "Only events of that name; type event."}, name_);
    flags.add({"passingonly", "true|false", "Only instances all of whose checks pass; type service."},
              passing_);
    flags.add({"prefix", "prefix", "For type keyprefix."}, prefix_);
    flags.add(
        {"service", "name",
         "For types service and connect_leaf; for checks, instead of -state; the id for agent_service."},
        service_);
    flags.add({"shell", "", "Run the program by the shell in SHELL, or /bin/sh. Default: true."}, shell_);
    flags.add({"state", "state", "Only checks in that state; type checks."}, state_);
    flags.add({"tag", "tag", "Only instances with that tag; type service."}, tag_);
    flags.add({"type", "type",
               "What is watched: key, keyprefix, services, nodes, service, checks, event, agent_service, "
               "connect_roots or connect_leaf."},
              type_);
    http_.declare(flags);
  }

  int run(Context& context, const std::vector<std::string>& args) override {
    if (type_.empty()) {
      FlagSet flags;
      declare(flags);
      context.err << "Watch type must be specified\n\n" << usage() << '\n' << flags.usage() << '\n';
      return kExitFailure;
    }
    const Result<hcl::Value> parameters = to_parameters();
    if (!parameters.ok()) return fail(context, parameters.status().message());
    const Result<api::WatchPlan> plan = api::read_question(*parameters);
    if (!plan.ok()) return fail(context, plan.status().message());
    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());
    if (const auto self = client->call({.path = "/v1/agent/self"}); !self.ok()) {
      return fail(context, "Error querying Consul agent: ", self.status());
    }
    // Whoever interrupts has seen enough; that is no failure.
    const auto end = [](int) { std::_Exit(kExitSuccess); };
    const auto on_interrupt = std::signal(SIGINT, end);
    const auto on_terminate = std::signal(SIGTERM, end);
    const int code = follow(context, *client, *plan, args);
    std::signal(SIGINT, on_interrupt);
    std::signal(SIGTERM, on_terminate);
    return code;
  }

 private:
  Result<hcl::Value> to_parameters() const {
    hcl::Value::Object object;
    const auto add = [&object](const char* key, hcl::Value::Data data) {
      object.push_back({key, hcl::Value(std::move(data))});
    };
    const bool by_id = type_ == "agent_service";
    for (const auto& [key, value] : {std::pair("type", &type_),
                                     {"key", &key_},
                                     {"prefix", &prefix_},
                                     {by_id ? "service_id" : "service", &service_},
                                     {"tag", &tag_},
                                     {"state", &state_},
                                     {"name", &name_},
                                     {"filter", &filter_}}) {
      if (!value->empty()) add(key, *value);
    }
    if (!passing_.empty()) {
      const Result<bool> passing = parse_bool(passing_);
      if (!passing.ok()) {
        return invalid_argument("Failed to parse passingonly flag: strconv.ParseBool: parsing \"" + passing_ +
                                "\": invalid syntax");
      }
      add("passingonly", *passing);
    }
    return hcl::Value(std::move(object));
  }

  int follow(Context& context, ApiClient& client, const api::WatchPlan& plan,
             const std::vector<std::string>& args) const {
    constexpr std::chrono::seconds kBackOff{5};
    constexpr std::chrono::seconds kMaxBackOff{180};
    Question question(client, plan);
    int failures = 0;
    while (true) {
      const Result<Found> found = question.next();
      if (!found.ok() && found.status().code() != Code::kUnavailable) {
        return fail(context, "Error querying Consul agent: ", found.status());
      }
      if (!found.ok()) {
        ++failures;
        const auto wait = std::min(kMaxBackOff, kBackOff * std::min(failures * failures, 36));
        context.err << "Watch errored: type=" << plan.type << " error=\"" << found.status().message()
                    << "\" retry=" << wait.count() << "s\n";
        std::this_thread::sleep_for(wait);
        continue;
      }
      failures = 0;
      if (args.empty()) {
        const Result<std::string> text = lay_out(found->json, true);
        if (!text.ok()) return fail(context, "Error querying Consul agent: ", text.status());
        context.out << *text << '\n';
        return kExitSuccess;
      }
      if (const std::optional<int> code = handle(context, *found, args)) return *code;
    }
  }

  /// Runs the program to its end; the code to end with, if that is the end.
  std::optional<int> handle(Context& context, const Found& found,
                            const std::vector<std::string>& args) const {
    SignalGate gate;
    ProgramOptions options{.arguments = args, .shell = shell_};
    options.environment = {{"CONSUL_INDEX", found.mark}};
    const Result<std::string> text = lay_out(found.json, false);
    if (!text.ok()) return fail(context, "Error querying Consul agent: ", text.status());
    options.input = *text + "\n";
    context.out.flush();
    Result<Program> program = Program::start(options, context.env, gate);
    if (!program.ok()) return fail(context, "Error starting handler: ", program.status());
    bool ending = false;
    std::vector<bool> ready;
    while (wait_readable({program->fd(), gate.fd()}, -1, ready), !ready[0]) {
      const int signal = ready[1] ? gate.take() : 0;
      if (signal == 0) continue;
      program->signal(signal);
      ending |= SignalGate::is_end(signal);
    }
    const Status ended = program->wait();
    if (ending) return kExitSuccess;
    if (!ended.ok()) return fail(context, "Error executing handler: ", ended);
    return std::nullopt;
  }

  HttpOptions http_;
  std::string type_, key_, prefix_, service_, tag_, passing_, state_, name_, filter_;
  bool shell_ = true;
};

}  // namespace

std::unique_ptr<Command> make_watch() { return std::make_unique<Watch>(); }

}  // namespace discovery::cli
