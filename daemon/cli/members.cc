#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include <re2/re2.h>

#include "daemon/cli/commands.h"
#include "daemon/cli/format.h"
#include "daemon/cli/http_options.h"
#include "daemon/cli/reply.h"

namespace discovery::cli {
namespace {

constexpr int kExitNoMatch = 2;

struct Member {
  std::string name, address, status;
  KeyValues tags;
};

std::string status_name(std::uint64_t status) {
  constexpr std::array<const char*, 5> kNames = {"none", "alive", "leaving", "left", "failed"};
  return status < kNames.size() ? kNames[status] : "unknown";
}

std::string tag_of(const Member& member, const std::string& name) {
  const auto at = member.tags.find(name);
  return at == member.tags.end() ? std::string() : at->second;
}

Member read_member(const rapidjson::Value& value) {
  Member member;
  member.name = text_of(value, "Name");
  const std::string host = text_of(value, "Addr");
  const std::string shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
  member.address = shown + ":" + std::to_string(number_of(value, "Port"));
  member.status = status_name(number_of(value, "Status"));
  member.tags = pairs_of(value, "Tags");
  std::string& segment = member.tags["segment"];
  if (tag_of(member, "role") == "consul") {
    segment = "<all>";  // servers are in every segment
  } else if (segment.empty()) {
    segment = "<default>";
  }
  return member;
}

std::vector<std::string> short_row(const Member& member) {
  const std::string role = tag_of(member, "role");
  const std::string type = role == "consul" ? "server" : role == "node" ? "client" : "unknown";
  const std::string build = tag_of(member, "build");
  return {member.name,
          member.address,
          member.status,
          type,
          build.empty() ? "< 0.3" : build.substr(0, build.find(':')),
          tag_of(member, "vsn"),
          tag_of(member, "dc"),
          tag_of(member, "segment")};
}

std::vector<std::string> detailed_row(const Member& member) {
  std::vector<std::string> tags;
  for (const auto& [name, value] : member.tags) tags.push_back(name + "=" + value);
  return {member.name, member.address, member.status, join(tags, ",")};
}

class Members final : public Command {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd members [options]\n"
           "\n"
           "  Lists the members of the cluster as the agent knows them.\n";
  }

  void declare(FlagSet& flags) override {
    flags.add({"detailed", "", "Show all tags of the members. Default: false."}, detailed_);
    flags.add({"filter", "expression", "Filter expression, for agents that know it."}, filter_);
    flags.add({"segment", "name", "(Consul Enterprise) Only members of this network segment."}, segment_);
    flags.add({"status", "regexp",
               "Only members whose status (alive, leaving, left, failed) matches. Default: \".*\"."},
              status_);
    flags.add({"wan", "", "The pool between datacenters. Default: false."}, wan_);
    http_.declare(flags);
  }

  int run(Context& context, const std::vector<std::string>& args) override {
    if (!args.empty()) return fail_too_many(context, "0", args.size());
    const re2::RE2 wanted(status_, re2::RE2::Quiet);
    if (!wanted.ok()) return fail(context, "Failed to compile status regexp: " + wanted.error());
    Result<ApiClient> client = http_.connect(context.env);
    if (!client.ok()) return fail(context, client.status().message());
    ApiRequest request{.path = "/v1/agent/members"};
    if (!segment_.empty()) request.query.emplace_back("segment", segment_);
    if (wan_) request.query.emplace_back("wan", "1");
    if (!filter_.empty()) request.query.emplace_back("filter", filter_);
    const Result<std::string> body = client->call(request);
    if (!body.ok()) return fail(context, "Error retrieving members: ", body.status());
    const Result<rapidjson::Document> reply = parse_reply(*body);
    if (!reply.ok()) return fail(context, "Error retrieving members: ", reply.status());

    std::vector<Member> members;
    if (reply->IsArray()) {
      for (const rapidjson::Value& value : reply->GetArray()) {
        Member member = read_member(value);
        if (re2::RE2::PartialMatch(member.status, wanted)) members.push_back(std::move(member));
      }
    }
    if (members.empty()) return kExitNoMatch;
    print(context, std::move(members));
    return kExitSuccess;
  }

 private:
  void print(Context& context, std::vector<Member> members) const {
    std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) {
      return std::pair(tag_of(a, "segment"), a.name) < std::pair(tag_of(b, "segment"), b.name);
    });
    std::vector<std::vector<std::string>> rows;
    if (detailed_) {
      rows.push_back({"Node", "Address", "Status", "Tags"});
      for (const Member& member : members) rows.push_back(detailed_row(member));
    } else {
      rows.push_back({"Node", "Address", "Status", "Type", "Build", "Protocol", "DC", "Segment"});
      for (const Member& member : members) rows.push_back(short_row(member));
    }
    context.out << columns(rows) << '\n';
  }

  HttpOptions http_;
  bool detailed_ = false, wan_ = false;
  std::string filter_, segment_, status_ = ".*";
};

}  // namespace

std::unique_ptr<Command> make_members() { return std::make_unique<Members>(); }

}  // namespace discovery::cli
