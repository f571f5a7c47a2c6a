#include <string>
#include <utility>
#include <vector>

#include "daemon/cli/commands.h"
#include "daemon/cli/data_source.h"
#include "daemon/cli/http_options.h"
#include "daemon/cli/reply.h"
#include "lib/base/base64.h"
#include "lib/codec/json_writer.h"

namespace discovery::cli {
namespace {

class KvExport final : public Command {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd kv export [options] [PREFIX]\n"
           "\n"
           "  Prints the keys that start with a prefix, or all, as JSON that \"kv import\" reads.\n"
           "\n"
           "      $ discoveryd kv export config/ > config.json\n";
  }

  void declare(FlagSet& flags) override { http_.declare(flags); }

  int run(Context& context, const std::vector<std::string>& args) override {
    if (args.size() > 1) return fail_too_many(context, "1", args.size());
    std::string prefix = args.empty() ? "" : args[0];
    if (prefix.starts_with('/')) prefix.erase(0, 1);
    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());
    const Result<ApiResponse> response =
        client->send({.path = "/v1/kv/" + escape_path(prefix), .query = {{"recurse", ""}}});
    if (!response.ok()) return fail(context, "Error querying Consul agent: ", response.status());
    constexpr int kOk = 200;
    constexpr int kNotFound = 404;
    if (response->status != kOk && response->status != kNotFound) {
      return fail(context, "Error querying Consul agent: ", unexpected_response(*response));
    }
    const Result<rapidjson::Document> reply =
        parse_reply(response->status == kOk ? response->body : std::string("[]"));
    if (!reply.ok()) return fail(context, "Error querying Consul agent: ", reply.status());
    print(context, *reply);
    return kExitSuccess;
  }

 private:
  static void print(Context& context, const rapidjson::Document& reply) {
    if (!reply.IsArray() || reply.Empty()) {
      context.out << "[]\n";
      return;
    }
    context.out << '[';
    const char* separator = "\n";
    for (const rapidjson::Value& entry : reply.GetArray()) {
      std::string key;
      codec::JsonWriter(key).string(text_of(entry, "Key"));
      context.out << separator << "\t{\n\t\t\"key\": " << key
                  << ",\n\t\t\"flags\": " << number_of(entry, "Flags") << ",\n\t\t\"value\": \""
                  << text_of(entry, "Value") << "\"\n\t}";
      separator = ",\n";
    }
    context.out << "\n]\n";
  }

  HttpOptions http_;
};

class KvImport final : public Command {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd kv import [options] DATA\n"
           "\n"
           "  Writes the keys that \"kv export\" has printed. DATA is the JSON itself, \"-\" for the\n"
           "  standard input, or \"@\" and the path of a file.\n"
           "\n"
           "      $ discoveryd kv import @config.json\n";
  }

  void declare(FlagSet& flags) override {
    flags.add({"prefix", "path", "Put this before every key."}, prefix_);
    http_.declare(flags);
  }

  int run(Context& context, const std::vector<std::string>& args) override {
    if (args.empty()) return fail(context, "Error! Missing DATA argument");
    if (args.size() > 1) {
      context.err << "Error! ";
      return fail_too_many(context, "1", args.size());
    }
    const Result<std::string> data = load_data(args[0], context.in);
    if (!data.ok()) return fail(context, "Error! ", data.status());
    const Result<rapidjson::Document> entries = parse_reply(*data);
    if (!entries.ok()) return fail(context, "Cannot unmarshal data: ", entries.status());
    if (!entries->IsArray()) return fail(context, "Cannot unmarshal data: it is no JSON array of entries");
    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());
    for (const rapidjson::Value& entry : entries->GetArray()) {
      if (const int code = put(context, *client, entry); code != kExitSuccess) return code;
    }
    return kExitSuccess;
  }

 private:
  int put(Context& context, ApiClient& client, const rapidjson::Value& entry) const {
    std::string key = text_of(entry, "key");
    if (!prefix_.empty()) key = prefix_ + (prefix_.ends_with('/') ? "" : "/") + key;
    if (key.empty()) return fail(context, "Error! Failed writing data: an entry has no key");
    Result<std::string> value = base::decode_base64(text_of(entry, "value"));
    if (!value.ok())
      return fail(context, "Error base64 decoding value for key " + key + ": ", value.status());
    ApiRequest request{.method = "PUT", .path = "/v1/kv/" + escape_path(key), .body = *std::move(value)};
    if (const std::uint64_t flags = number_of(entry, "flags"); flags != 0) {
      request.query.emplace_back("flags", std::to_string(flags));
    }
    const Result<std::string> done = client.call(request);
    if (!done.ok()) return fail(context, "Error! Failed writing data for key " + key + ": ", done.status());
    context.out << "Imported: " << key << '\n';
    return kExitSuccess;
  }

  HttpOptions http_;
  std::string prefix_;
};

}  // namespace

std::unique_ptr<Command> make_kv_export() { return std::make_unique<KvExport>(); }
std::unique_ptr<Command> make_kv_import() { return std::make_unique<KvImport>(); }

}  // namespace discovery::cli
