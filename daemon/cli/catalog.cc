#include <algorithm>
#include <map>
#include <utility>

#include "daemon/cli/commands.h"
#include "daemon/cli/data_source.h"
#include "daemon/cli/format.h"
#include "daemon/cli/http_options.h"
#include "daemon/cli/reply.h"
#include "lib/base/strings.h"

namespace discovery::cli {
namespace {

constexpr FlagText kNodeMeta{"node-meta", "key=value",
                             "Only nodes with this metadata. May be given several times."};

void add_node_meta(Query& query, const KeyValues& node_meta) {
  for (const auto& [key, value] : node_meta) query.emplace_back("node-meta", key + ":" + value);
}

/// What the three listings share: connect, ask, read the answer, say which step failed.
class Listing : public Command {
 public:
  void declare(FlagSet& flags) override { http_.declare(flags); }

  int run(Context& context, const std::vector<std::string>& args) final {
    if (!args.empty()) return fail_too_many(context, "0", args.size());
    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());
    const Result<ApiRequest> request = make_request(context);
    if (!request.ok()) return fail(context, request.status().message());
    const Result<std::string> body = client->call(*request);
    if (!body.ok()) return fail(context, failure(), body.status());
    const Result<rapidjson::Document> reply = parse_reply(*body);
    if (!reply.ok()) return fail(context, failure(), reply.status());
    print(context, *reply);
    return kExitSuccess;
  }

 private:
  /// The request that the flags ask for; a failure is printed as it is.
  virtual Result<ApiRequest> make_request(Context& context) = 0;
  /// What stands before the cause if the request fails, e.g. "Error listing nodes: ".
  virtual std::string failure() const = 0;
  virtual void print(Context& context, const rapidjson::Document& reply) const = 0;

  HttpOptions http_;
};

class CatalogDatacenters final : public Listing {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd catalog datacenters [options]\n"
           "\n"
           "  Lists the known datacenters, the nearest first.\n";
  }

 private:
  Result<ApiRequest> make_request(Context&) override { return ApiRequest{.path = "/v1/catalog/datacenters"}; }
  std::string failure() const override { return "Error listing datacenters: "; }
  void print(Context& context, const rapidjson::Document& reply) const override {
    for (const std::string& name : texts_in(reply)) context.out << name << '\n';
  }
};

class CatalogNodes final : public Listing {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd catalog nodes [options]\n"
           "\n"
           "  Lists the nodes of a datacenter.\n"
           "\n"
           "      $ discoveryd catalog nodes -service=web -near=_agent\n";
  }

  void declare(FlagSet& flags) override {
    flags.add({"detailed", "", "Show whole ids, tagged addresses and metadata as well. Default: false."},
              detailed_);
    flags.add({"filter", "expression",
               "Filter expression; \"-\" reads it from the standard input, \"@\" and a "
               "path from a file."},
              filter_);
    flags.add({"near", "node", "Sort by round-trip time from this node; \"_agent\" stands for the agent's."},
              near_);
    flags.add(kNodeMeta, node_meta_);
    flags.add({"service", "name", "Only nodes that provide this service."}, service_);
    Listing::declare(flags);
  }

 private:
  Result<ApiRequest> make_request(Context& context) override {
    const Result<std::string> filter = load_data(filter_, context.in);
    if (!filter.ok()) {
      return invalid_argument("Could not process filter argument: " + std::string(filter.status().message()));
    }
    ApiRequest request{.path = service_.empty() ? "/v1/catalog/nodes"
                                                : "/v1/catalog/service/" + escape_path(service_)};
    if (!near_.empty()) request.query.emplace_back("near", near_);
    add_node_meta(request.query, node_meta_);
    if (!filter->empty()) request.query.emplace_back("filter", *filter);
    return request;
  }

  std::string failure() const override {
    return service_.empty() ? "Error listing nodes: " : "Error listing nodes for service: ";
  }

  void print(Context& context, const rapidjson::Document& reply) const override {
    if (!reply.IsArray() || reply.Empty()) {
      context.err << "No nodes match the given query - try expanding your search.\n";
      return;
    }
    std::vector<std::vector<std::string>> rows{{"Node", "ID", "Address", "DC"}};
    if (detailed_) rows[0].insert(rows[0].end(), {"TaggedAddresses", "Meta"});
    for (const rapidjson::Value& node : reply.GetArray()) rows.push_back(row_of(node));
    context.out << columns(rows) << '\n';
  }

  std::vector<std::string> row_of(const rapidjson::Value& node) const {
    constexpr std::size_t kShortId = 8;
    std::string id = text_of(node, "ID");
    if (!detailed_) id.resize(std::min(id.size(), kShortId));
    std::vector<std::string> row{text_of(node, "Node"), std::move(id), text_of(node, "Address"),
                                 text_of(node, "Datacenter")};
    if (detailed_) {
      row.push_back(pairs_text(pairs_of(node, "TaggedAddresses")));
      row.push_back(pairs_text(pairs_of(node, service_.empty() ? "Meta" : "NodeMeta")));
    }
    return row;
  }

  static std::string pairs_text(const KeyValues& pairs) {
    std::vector<std::string> parts;
    for (const auto& [key, value] : pairs) parts.push_back(key + "=" + value);
    return join(parts, ", ");
  }

  bool detailed_ = false;
  std::string filter_, near_, service_;
  KeyValues node_meta_;
};

class CatalogServices final : public Listing {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd catalog services [options]\n"
           "\n"
           "  Lists the services of a datacenter, or of one node.\n"
           "\n"
           "      $ discoveryd catalog services -tags\n";
  }

  void declare(FlagSet& flags) override {
    flags.add({"node", "id or name", "Only the services of this node."}, node_);
    flags.add(kNodeMeta, node_meta_);
    flags.add({"tags", "", "Show the tags of each service beside it. Default: false."}, tags_);
    Listing::declare(flags);
  }

 private:
  Result<ApiRequest> make_request(Context&) override {
    ApiRequest request{.path =
                           node_.empty() ? "/v1/catalog/services" : "/v1/catalog/node/" + escape_path(node_)};
    add_node_meta(request.query, node_meta_);
    return request;
  }

  std::string failure() const override {
    return node_.empty() ? "Error listing services: " : "Error listing services for node: ";
  }

  void print(Context& context, const rapidjson::Document& reply) const override {
    const auto services = node_.empty() ? services_in(reply) : services_of_node(reply);
    if (services.empty()) {
      context.err << "No services match the given query - try expanding your search.\n";
      return;
    }
    constexpr std::size_t kGap = 6;
    std::vector<std::vector<std::string>> rows;
    for (const auto& [name, tags] : services) {
      rows.push_back({name});
      if (tags_) rows.back().push_back(join(tags, ","));
    }
    context.out << base::trim(columns(rows, kGap)) << '\n';
  }

  using Tags = std::map<std::string, std::vector<std::string>>;

  /// The answer of /v1/catalog/services: {"web": ["tag", ...], ...}.
  static Tags services_in(const rapidjson::Value& reply) {
    Tags services;
    if (!reply.IsObject()) return services;
    for (const auto& [name, tags] : reply.GetObject()) {
      auto& sorted = services[std::string(name.GetString(), name.GetStringLength())] = texts_in(tags);
      std::sort(sorted.begin(), sorted.end());
    }
    return services;
  }

  /// The answer of /v1/catalog/node/NAME: null, or {"Services": {"web-1": {"Service": "web", "Tags":
  /// [...]}}}.
  static Tags services_of_node(const rapidjson::Value& reply) {
    Tags services;
    const rapidjson::Value* const instances = find_member(reply, "Services");
    if (instances == nullptr || !instances->IsObject()) return services;
    for (const auto& [id, instance] : instances->GetObject()) {
      auto& tags = services[text_of(instance, "Service")];
      if (const rapidjson::Value* const own = find_member(instance, "Tags"); own != nullptr) {
        for (std::string& tag : texts_in(*own)) tags.push_back(std::move(tag));
      }
      std::sort(tags.begin(), tags.end());
    }
    return services;
  }

  std::string node_;
  KeyValues node_meta_;
  bool tags_ = false;
};

}  // namespace

std::unique_ptr<Command> make_catalog_datacenters() { return std::make_unique<CatalogDatacenters>(); }
std::unique_ptr<Command> make_catalog_nodes() { return std::make_unique<CatalogNodes>(); }
std::unique_ptr<Command> make_catalog_services() { return std::make_unique<CatalogServices>(); }

}  // namespace discovery::cli
