#include <charconv>
#include <utility>

#include "daemon/cli/commands.h"
#include "daemon/cli/http_options.h"
#include "daemon/cli/service_definition.h"
#include "lib/api/definition_form.h"
#include "lib/base/strings.h"

namespace discovery::cli {
namespace {

using hcl::Value;

/// A text as a value, and so on for what flags give.
Value value_of(const std::string& text) { return Value(text); }
Value value_of(int number) { return Value(std::int64_t{number}); }
Value value_of(const KeyValues& pairs) {
  Value::Object object;
  for (const auto& [key, text] : pairs) object.push_back({key, value_of(text)});
  return Value(std::move(object));
}
Value value_of(const std::vector<std::string>& texts) {
  Value::List list;
  for (const std::string& text : texts) list.push_back(value_of(text));
  return Value(std::move(list));
}

template <class T>
void add_if_set(Value::Object& object, const char* name, const T& content) {
  if (content != T()) object.push_back({name, value_of(content)});
}

/// "host:port" or "[v6]:port" as {"Address", "Port"}. Errors: kInvalidArgument in the words of Go's net
/// package.
Result<Value> parse_service_address(std::string_view text) {
  const auto fail_with = [&](const char* what) {
    return invalid_argument("Invalid Tagged Address: address " + std::string(text) + ": " + what);
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return fail_with("missing port in address");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return fail_with("missing port in address");
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return fail_with("too many colons in address");
  }
  int number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size()) {
    return invalid_argument("Invalid Tagged Address: strconv.Atoi: parsing " + base::go_quote(port) +
                            ": invalid syntax");
  }
  return Value(Value::Object{{"Address", value_of(std::string(host))}, {"Port", value_of(number)}});
}

class ServicesRegister final : public Command {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd services register [options] [FILE...]\n"
           "\n"
           "  Registers services with the agent: those that configuration files (HCL or JSON)\n"
           "  define, or one that flags describe. They stay until they are deregistered.\n"
           "\n"
           "      $ discoveryd services register web.hcl\n"
           "      $ discoveryd services register -name=web -port=8080 -tag=v1\n";
  }

  void declare(FlagSet& flags) override {
    flags.add({"address", "address", "Address of the service. Default: the agent's."}, address_);
    flags.add({"id", "id", "Id of the service. Default: its name."}, id_);
    flags.add({"kind", "kind", "Kind of the service, e.g. connect-proxy. Default: a typical service."},
              kind_);
    flags.add({"meta", "key=value", "Metadata of the service. May be given several times."}, meta_);
    flags.add({"name", "name", "Name of the service, if no file is given."}, name_);
    flags.add({"port", "port", "Port of the service."}, port_);
    flags.add({"socket", "path", "Unix socket of the service, instead of an address and a port."}, socket_);
    flags.add({"tag", "tag", "Tag of the service. May be given several times."}, tags_);
    flags.add({"tagged-address", "tag=address:port",
               "Address of the service for a purpose such as \"wan\". May be given several times."},
              tagged_addresses_);
    http_.declare(flags);
  }

  int run(Context& context, const std::vector<std::string>& args) override {
    const Result<Value> given = definition_from_flags();
    if (!given.ok()) return fail(context, given.status().message());
    if (args.empty() && name_.empty()) {
      return fail(context, "Service registration requires at least one argument or flags.");
    }
    if (!args.empty() && !name_.empty()) {
      return fail(context, "Service registration requires arguments or -id, not both.");
    }
    Result<std::vector<Value>> services = args.empty() ? std::vector<Value>{*given} : load_services(args);
    if (!services.ok()) return fail(context, "Error: ", services.status());
    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());

    for (Value& service : *services) {
      if (!args.empty()) fill_in(service, *given);
      const std::string name = text_member(service, "Name");
      const Result<std::string> reply = client->call({.method = "PUT",
                                                      .path = "/v1/agent/service/register",
                                                      .body = api::to_json(service),
                                                      .content_type = "application/json"});
      if (!reply.ok()) {
        return fail(context, "Error registering service " + base::go_quote(name) + ": ", reply.status());
      }
      context.out << "Registered service: " << name << '\n';
    }
    return kExitSuccess;
  }

 private:
  Result<Value> definition_from_flags() const {
    Value::Object addresses;
    for (const auto& [tag, text] : tagged_addresses_) {
      Result<Value> address = parse_service_address(text);
      if (!address.ok()) return address.status();
      addresses.push_back({tag, *std::move(address)});
    }
    Value::Object definition;
    add_if_set(definition, "Kind", kind_);
    add_if_set(definition, "ID", id_);
    add_if_set(definition, "Name", name_);
    add_if_set(definition, "Tags", tags_);
    add_if_set(definition, "Port", port_);
    add_if_set(definition, "Address", address_);
    add_if_set(definition, "SocketPath", socket_);
    if (!addresses.empty()) definition.push_back({"TaggedAddresses", Value(std::move(addresses))});
    add_if_set(definition, "Meta", meta_);
    return Value(std::move(definition));
  }

  HttpOptions http_;
  std::string address_, id_, kind_, name_, socket_;
  int port_ = 0;
  std::vector<std::string> tags_;
  KeyValues meta_, tagged_addresses_;
};

class ServicesDeregister final : public Command {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd services deregister [options] [FILE...]\n"
           "\n"
           "  Takes services off the agent that they were registered with: those that\n"
           "  configuration files define, or one by its id.\n"
           "\n"
           "      $ discoveryd services deregister web.hcl\n"
           "      $ discoveryd services deregister -id=web\n";
  }

  void declare(FlagSet& flags) override {
    flags.add({"id", "id", "Id of the service, if no file is given."}, id_);
    http_.declare(flags);
  }

  int run(Context& context, const std::vector<std::string>& args) override {
    if (args.empty() && id_.empty()) {
      return fail(context, "Service deregistration requires at least one argument or -id.");
    }
    if (!args.empty() && !id_.empty()) {
      return fail(context, "Service deregistration requires arguments or -id, not both.");
    }
    std::vector<std::string> ids{id_};
    if (!args.empty()) {
      const Result<std::vector<Value>> services = load_services(args);
      if (!services.ok()) return fail(context, "Error: ", services.status());
      ids.clear();
      for (const Value& service : *services) {
        const std::string id = text_member(service, "ID");
        ids.push_back(id.empty() ? text_member(service, "Name") : id);
      }
    }
    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());

    for (const std::string& id : ids) {
      if (id.empty()) continue;  // a definition without id and name: there is nothing to take off
      const Result<std::string> reply =
          client->call({.method = "PUT", .path = "/v1/agent/service/deregister/" + escape_path(id)});
      if (!reply.ok()) {
        return fail(context, "Error deregistering service " + base::go_quote(id) + ": ", reply.status());
      }
      context.out << "Deregistered service: " << id << '\n';
    }
    return kExitSuccess;
  }

 private:
  HttpOptions http_;
  std::string id_;
};

}  // namespace

std::unique_ptr<Command> make_services_deregister() { return std::make_unique<ServicesDeregister>(); }
std::unique_ptr<Command> make_services_register() { return std::make_unique<ServicesRegister>(); }

}  // namespace discovery::cli
