#include <utility>

#include "daemon/cli/commands.h"
#include "daemon/cli/data_source.h"
#include "daemon/cli/format.h"
#include "daemon/cli/http_options.h"
#include "daemon/cli/reply.h"
#include "lib/base/base64.h"
#include "lib/base/strings.h"

namespace discovery::cli {
namespace {

std::string kv_path(std::string_view key) { return "/v1/kv/" + escape_path(key); }

/// A key cannot begin with a slash, but people write it so.
std::string without_leading_slash(std::string key) {
  if (key.starts_with('/')) key.erase(0, 1);
  return key;
}

/// The value of an entry, decoded unless it is to be shown in base64.
Result<std::string> value_of(const rapidjson::Value& entry, bool as_base64) {
  std::string encoded = text_of(entry, "Value");
  if (as_base64) return encoded;
  return base::decode_base64(encoded);
}

class KvGet final : public Command {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd kv get [options] [KEY_OR_PREFIX]\n"
           "\n"
           "  Prints the value of a key, or an error if there is no such key. With -recurse it\n"
           "  prints \"key:value\" of every key under a prefix, with -keys only their names; the\n"
           "  prefix may then be left out.\n"
           "\n"
           "      $ discoveryd kv get config/port\n"
           "      $ discoveryd kv get -recurse config/\n";
  }

  void declare(FlagSet& flags) override {
    flags.add({"base64", "", "Show values in base64. Default: false."}, base64_);
    flags.add(
        {"detailed", "", "Show everything that is known of a key, not its value alone. Default: false."},
        detailed_);
    flags.add({"keys", "", "List the keys that start with the prefix, without their values. Default: false."},
              keys_);
    flags.add({"recurse", "", "Show all keys that start with the prefix. Default: false."}, recurse_);
    flags.add({"separator", "text",
               "With -keys, list keys only up to the first separator after the prefix. Default: \"/\"."},
              separator_);
    http_.declare(flags);
  }

  int run(Context& context, const std::vector<std::string>& args) override {
    if (args.size() > 1) return fail_too_many(context, "1", args.size());
    const std::string key = args.empty() ? "" : without_leading_slash(args[0]);
    if (key.empty() && !recurse_ && !keys_) return fail(context, "Error! Missing KEY argument");
    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());

    ApiRequest request{.path = kv_path(key)};
    if (keys_) {
      request.query = {{"keys", ""}, {"separator", separator_}};
    } else if (recurse_) {
      request.query = {{"recurse", ""}};
    }
    const Result<rapidjson::Document> reply = fetch(*client, request);
    if (!reply.ok()) return fail(context, "Error querying Consul agent: ", reply.status());
    if (keys_) {
      for (const std::string& name : texts_in(*reply)) context.out << name << '\n';
      return kExitSuccess;
    }
    return print_entries(context, key, *reply);
  }

 private:
  /// The answer; an empty array where there is nothing (404).
  static Result<rapidjson::Document> fetch(ApiClient& client, const ApiRequest& request) {
    const Result<ApiResponse> response = client.send(request);
    if (!response.ok()) return response.status();
    if (response->status == 404) return rapidjson::Document(rapidjson::kArrayType);
    if (response->status != 200) return unexpected_response(*response);
    return parse_reply(response->body);
  }

  int print_entries(Context& context, const std::string& key, const rapidjson::Document& reply) const {
    const bool none = !reply.IsArray() || reply.Empty();
    if (none && !recurse_) return fail(context, "Error! No key exists at: " + key);
    if (none) return kExitSuccess;
    for (const rapidjson::Value& entry : reply.GetArray()) {
      const Result<std::string> value = value_of(entry, base64_);
      if (!value.ok()) return fail(context, "Error rendering KV pair: ", value.status());
      if (detailed_) {
        if (&entry != reply.Begin()) context.out << '\n';
        context.out << detailed(entry, *value) << '\n';
      } else {
        if (recurse_) context.out << text_of(entry, "Key") << ':';
        context.out << *value << '\n';
      }
    }
    return kExitSuccess;
  }

  static std::string detailed(const rapidjson::Value& entry, const std::string& value) {
    constexpr std::size_t kGap = 6;
    const std::string session = text_of(entry, "Session");
    const auto number = [&](const char* member) { return std::to_string(number_of(entry, member)); };
    return columns({{"CreateIndex", number("CreateIndex")},
                    {"Flags", number("Flags")},
                    {"Key", text_of(entry, "Key")},
                    {"LockIndex", number("LockIndex")},
                    {"ModifyIndex", number("ModifyIndex")},
                    {"Session", session.empty() ? "-" : session},
                    {"Value", value}},
                   kGap);
  }

  HttpOptions http_;
  bool base64_ = false, detailed_ = false, keys_ = false, recurse_ = false;
  std::string separator_ = "/";
};

class KvPut final : public Command {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd kv put [options] KEY [DATA]\n"
           "\n"
           "  Writes a value to a key. DATA is the value itself, \"-\" for the standard input, or\n"
           "  \"@\" and the path of a file (\"\\@\" for a value that begins with \"@\"); without it\n"
           "  the value is empty.\n"
           "\n"
           "      $ discoveryd kv put config/port 8080\n"
           "      $ discoveryd kv put -cas -modify-index=844 config/port 8081\n";
  }

  void declare(FlagSet& flags) override {
    flags.add(
        {"acquire", "", "Take the lock on the key for -session, creating it if needed. Default: false."},
        acquire_);
    flags.add({"base64", "", "DATA is in base64. Default: false."}, base64_);
    flags.add(
        {"cas", "",
         "Write only if the key's ModifyIndex is still that of -modify-index; 0 stands for a key that does "
         "not exist. Default: false."},
        cas_);
    flags.add({"flags", "number", "Number that is kept beside the value for the use of clients. Default: 0."},
              flags_);
    flags.add({"modify-index", "index", "ModifyIndex for -cas. Default: 0."}, modify_index_);
    flags.add({"release", "", "Give up the lock on the key that -session holds. Default: false."}, release_);
    flags.add({"session", "id", "Session for -acquire and -release."}, session_);
    http_.declare(flags);
  }

  int run(Context& context, const std::vector<std::string>& args) override {
    if (args.empty()) return fail(context, "Error! Missing KEY argument");
    if (args.size() > 2) {
      context.err << "Error! ";
      return fail_too_many(context, "1 or 2", args.size());
    }
    const std::string& key = args[0];
    Result<std::string> data = args.size() == 2 ? load_data(args[1], context.in) : std::string();
    if (!data.ok()) return fail(context, "Error! ", data.status());
    if (base64_) {
      data = base::decode_base64(*data);
      if (!data.ok()) return fail(context, "Error! Cannot base 64 decode data: ", data.status());
    }
    if ((acquire_ || release_) && session_.empty()) {
      return fail(context, "Error! Missing -session (required with -acquire and -release)");
    }
    if (key.starts_with('/')) {
      return fail(context, failure_prefix(key) + "Invalid key. Key must not begin with a '/': " + key);
    }
    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());

    ApiRequest request{.method = "PUT", .path = kv_path(key), .body = *std::move(data)};
    if (flags_ != 0) request.query.emplace_back("flags", std::to_string(flags_));
    if (cas_) {
      request.query.emplace_back("cas", std::to_string(modify_index_));
    } else if (acquire_) {
      request.query.emplace_back("acquire", session_);
    } else if (release_) {
      request.query.emplace_back("release", session_);
    }
    const Result<std::string> reply = client->call(request);
    if (!reply.ok()) return fail(context, failure_prefix(key), reply.status());
    return report(context, key, base::trim(*reply) == "true");
  }

 private:
  std::string failure_prefix(const std::string& key) const {
    return cas_ ? "Error! Did not write to " + key + ": " : "Error! Failed writing data: ";
  }

  int report(Context& context, const std::string& key, bool done) const {
    if (cas_ && !done) {
      return fail(context, failure_prefix(key) + (modify_index_ == 0
                                                      ? "CAS performed with index=0 and key already exists."
                                                      : "CAS failed"));
    }
    const bool locking = !cas_ && (acquire_ || release_);
    if (locking && !done) {
      return fail(context, acquire_ ? "Error! Did not acquire lock" : "Error! Did not release lock");
    }
    if (!done) return fail(context, failure_prefix(key) + "the agent did not confirm the write");
    const char* const what = !locking   ? "Data written to: "
                             : acquire_ ? "Lock acquired on: "
                                        : "Lock released on: ";
    context.out << "Success! " << what << key << '\n';
    return kExitSuccess;
  }

  HttpOptions http_;
  bool acquire_ = false, base64_ = false, cas_ = false, release_ = false;
  std::uint64_t flags_ = 0, modify_index_ = 0;
  std::string session_;
};

class KvDelete final : public Command {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd kv delete [options] KEY_OR_PREFIX\n"
           "\n"
           "  Deletes a key, or with -recurse all keys that start with a prefix. It is no error if\n"
           "  there are none.\n"
           "\n"
           "      $ discoveryd kv delete config/port\n"
           "      $ discoveryd kv delete -recurse config/\n";
  }

  void declare(FlagSet& flags) override {
    flags.add(
        {"cas", "", "Delete only if the key's ModifyIndex is still that of -modify-index. Default: false."},
        cas_);
    flags.add({"modify-index", "index", "ModifyIndex for -cas, above 0."}, modify_index_);
    flags.add({"recurse", "", "Delete all keys that start with the prefix. Default: false."}, recurse_);
    http_.declare(flags);
  }

  int run(Context& context, const std::vector<std::string>& args) override {
    if (args.size() > 1) return fail_too_many(context, "1", args.size());
    const std::string key = args.empty() ? "" : without_leading_slash(args[0]);
    if (key.empty() && !recurse_) return fail(context, "Error! Missing KEY argument");
    if (cas_ && modify_index_ == 0) {
      return fail(context,
                  "Cannot delete a key that does not exist. Provide a -modify-index greater than than 0.");
    }
    if (modify_index_ != 0 && !cas_) return fail(context, "Cannot specify -modify-index without -cas!");
    if (recurse_ && cas_) return fail(context, "Cannot specify both -cas and -recurse!");
    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());

    ApiRequest request{.method = "DELETE", .path = kv_path(key)};
    if (recurse_) request.query = {{"recurse", ""}};
    if (cas_) request.query = {{"cas", std::to_string(modify_index_)}};
    const Result<std::string> reply = client->call(request);
    if (!reply.ok()) {
      const std::string prefix = recurse_ ? "Error! Did not delete prefix "
                                 : cas_   ? "Error! Did not delete key "
                                          : "Error deleting key ";
      return fail(context, prefix + key + ": ", reply.status());
    }
    if (cas_ && base::trim(*reply) != "true") {
      return fail(context, "Error! Did not delete key " + key + ": CAS failed");
    }
    context.out << "Success! Deleted " << (recurse_ ? "keys with prefix: " : "key: ") << key << '\n';
    return kExitSuccess;
  }

 private:
  HttpOptions http_;
  bool cas_ = false, recurse_ = false;
  std::uint64_t modify_index_ = 0;
};

}  // namespace

std::unique_ptr<Command> make_kv_delete() { return std::make_unique<KvDelete>(); }
std::unique_ptr<Command> make_kv_get() { return std::make_unique<KvGet>(); }
std::unique_ptr<Command> make_kv_put() { return std::make_unique<KvPut>(); }

}  // namespace discovery::cli
