#include "lib/dns/answers.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include "lib/base/strings.h"
#include "lib/dns/instance.h"
#include "lib/dns/lookup.h"

namespace discovery::dns {
namespace {

/// The message of a Backend that can't reach a datacenter, also of one that there isn't.
constexpr std::string_view kNoPath = "No path to datacenter";

/// Why there is no fact to build on.
enum class Absent : std::uint8_t {
  kPending,      ///< it must be asked for first; what is built meanwhile is thrown away
  kUnreachable,  ///< there is no way to that datacenter
  kFailed,
};

using HealthyInstances = std::vector<const model::CheckServiceNode*>;

/// A question on the way: the client's, or one for a name that an answer points to.
struct Step {
  DomainName name;
  Type type = Type::kA;
  bool edns = false;
  int depth = kMaxChaseDepth;  ///< how many more names may be chased
};

/// One run over the facts.
class Builder {
 public:
  Builder(const Question& question, const Zone& zone, const Facts& facts)
      : question_(question), zone_(zone), options_(zone.options()), facts_(facts) {}

  std::variant<Reply, Ask, Relay> run();

 private:
  Reply dispatch(const Step& step);
  Reply service_reply(const Step& step, const ServiceLookup& lookup);
  Reply service_addresses(const Step& step, const ServiceLookup& lookup, const HealthyInstances& instances);
  Reply service_locations(const Step& step, const ServiceLookup& lookup, const HealthyInstances& instances);
  Reply node_reply(const Step& step, const NodeLookup& lookup);
  Reply address_reply(const Step& step, const AddressLookup& lookup) const;
  std::optional<Reply> reverse_reply(const ReverseLookup& lookup);
  Reply name_server_reply(Type type);

  bool has_recursors() const noexcept { return !options_.recursors.servers.empty(); }
  Reply failure(Absent why) const;
  Reply no_such_name() const;
  Record soa_record() const;
  std::optional<DomainName> zone_name(const std::string& below) const;
  std::optional<DomainName> reverse_target(const IpAddress& address);

  Reply node_address_reply(const Step& step, const model::Node& node);
  Reply chase(const DomainName& target, const Step& from);
  Reply foreign_host(const DomainName& host);
  const std::vector<Record>& chased_records(const DomainName& target, const Step& step, std::uint32_t ttl);

  const Fact* known_fact(const std::string& key) const;
  Absent ask_for(std::variant<CatalogAsk, HostAsk> what, std::string key);
  template <class Value>
  std::variant<const Value*, Absent> fact(std::string_view kind, model::Query query, const std::string& name,
                                          const std::string& tag, const std::string& datacenter,
                                          const std::string& near = {});
  std::variant<HealthyInstances, Absent> healthy_instances(const ServiceLookup& lookup);

  const Question& question_;
  const Zone& zone_;
  const Options& options_;
  const Facts& facts_;
  std::optional<Ask> missing_;
  bool cacheable_ = true;
  std::size_t chased_count_ = 0;
  absl::flat_hash_map<std::string, std::vector<Record>> chased_names_;
};

std::vector<Record> flatten(Reply reply) {
  std::vector<Record> records = std::move(reply.fixed);
  for (std::size_t i = 0; i < std::min(reply.choices.size(), reply.max_choices); ++i) {
    records.push_back(std::move(reply.choices[i].answer));
  }
  return records;
}

void set_ttl(Reply& reply, std::uint32_t ttl) {
  for (Record& record : reply.fixed) record.ttl = ttl;
  for (Choice& choice : reply.choices) choice.answer.ttl = ttl;
}

/// Leaves at most `limit` records in the answer.
void limit_records(Reply& reply, std::size_t limit) {
  if (reply.fixed.size() > limit) reply.fixed.resize(limit);
  reply.max_choices = std::min(reply.max_choices, limit - reply.fixed.size());
  if (reply.max_choices == 0) reply.choices.clear();
}

Record pointer(DomainName owner, Type type, std::uint32_t ttl, DomainName target) {
  return {std::move(owner), type, kClassInternet, ttl, std::move(target)};
}

/// Which questions an address answers: TXT too, since a service has no texts.
bool wants_address(Type type, const IpAddress& address) {
  switch (type) {
    case Type::kA:
      return address.is_v4();
    case Type::kAaaa:
      return !address.is_v4();
    case Type::kSrv:
    case Type::kAny:
    case Type::kTxt:
      return true;
    default:
      return false;
  }
}

/// Server names that every resolver takes: letters, digits, "-" and the escape character.
bool is_plain_host(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '\\';
  });
}

std::variant<Reply, Ask, Relay> Builder::run() {
  Reply reply;
  const Lookup lookup = parse_lookup(question_.name, question_.type, zone_);
  if (std::holds_alternative<ForeignName>(lookup)) {
    if (has_recursors()) return Relay{};
    reply.rcode = Rcode::kRefused;
    reply.authoritative = false;
    reply.echo_edns = false;
    return reply;
  }
  if (const auto* reverse = std::get_if<ReverseLookup>(&lookup)) {
    std::optional<Reply> found = reverse_reply(*reverse);
    if (!found && !missing_ && has_recursors()) return Relay{};
    reply = found ? *std::move(found) : no_recursor_reply();
  } else if (question_.type == Type::kSoa || question_.type == Type::kNs) {
    reply = name_server_reply(question_.type);
  } else if (question_.type == Type::kAxfr) {
    reply.rcode = Rcode::kNotImplemented;
  } else {
    reply = dispatch({question_.name, question_.type, question_.edns});
  }
  if (missing_) return std::move(*missing_);
  reply.cacheable = reply.cacheable && cacheable_;
  reply.recursion_available = reply.recursion_available || has_recursors();
  return reply;
}

Reply Builder::dispatch(const Step& step) {
  const Lookup lookup = parse_lookup(step.name, step.type, zone_);
  if (const auto* service = std::get_if<ServiceLookup>(&lookup)) return service_reply(step, *service);
  if (const auto* node = std::get_if<NodeLookup>(&lookup)) return node_reply(step, *node);
  if (const auto* address = std::get_if<AddressLookup>(&lookup)) return address_reply(step, *address);
  return no_such_name();
}

Reply Builder::service_reply(const Step& step, const ServiceLookup& lookup) {
  const auto instances = healthy_instances(lookup);
  if (const auto* absent = std::get_if<Absent>(&instances)) return failure(*absent);
  const auto& healthy = *std::get_if<HealthyInstances>(&instances);
  if (healthy.empty()) return no_such_name();
  Reply reply = step.type == Type::kSrv ? service_locations(step, lookup, healthy)
                                        : service_addresses(step, lookup, healthy);
  reply.ordered = !options_.near.empty();
  if (reply.fixed.empty() && reply.choices.empty()) reply.authority.push_back(soa_record());
  return reply;
}

Reply Builder::service_addresses(const Step& step, const ServiceLookup& lookup,
                                 const HealthyInstances& instances) {
  const std::uint32_t ttl = zone_.service_ttl(lookup.service);
  Reply reply;
  absl::flat_hash_set<std::string> seen;
  std::vector<DomainName> hosts;
  for (const model::CheckServiceNode* instance : instances) {
    const InstanceAddress at = instance_address(*instance, step.type, step.name, lookup.datacenter, options_);
    if (at.kind == InstanceAddress::Kind::kNone) continue;
    if (const auto* host = std::get_if<DomainName>(&at.address)) {
      if (seen.insert(host->wire()).second) hosts.push_back(*host);
      continue;
    }
    const auto& ip = *std::get_if<IpAddress>(&at.address);
    if (!wants_address(step.type, ip) || !seen.insert(ip.to_hex()).second) continue;
    reply.choices.push_back({address_record(step.name, ttl, ip), {}});
  }
  if (!reply.choices.empty()) {
    if (options_.a_record_limit != 0) reply.max_choices = options_.a_record_limit;
    reply.more_by_stream = options_.strict_truncate;
    return reply;
  }
  if (hosts.empty()) return reply;
  // A name has one canonical name: one of the hosts, and another one next time.
  const DomainName& host = hosts[question_.draw % hosts.size()];
  cacheable_ = cacheable_ && hosts.size() == 1;
  reply = chase(host, step);
  reply.fixed.insert(reply.fixed.begin(), pointer(step.name, Type::kCname, ttl, host));
  set_ttl(reply, ttl);
  return reply;
}

Reply Builder::service_locations(const Step& step, const ServiceLookup& lookup,
                                 const HealthyInstances& instances) {
  const std::uint32_t ttl = zone_.service_ttl(lookup.service);
  Reply reply;
  absl::flat_hash_set<std::string> seen;
  for (const model::CheckServiceNode* instance : instances) {
    const std::uint16_t port = service_port(*instance->service, lookup.datacenter, options_);
    const std::string address = service_address_text(*instance->service, lookup.datacenter, options_);
    if (!seen.insert(instance->node->name + ":" + address + ":" + std::to_string(port)).second) continue;
    const InstanceAddress at = instance_address(*instance, step.type, step.name, lookup.datacenter, options_);
    if (at.kind == InstanceAddress::Kind::kNone) continue;
    const auto node_name = zone_name(instance->node->name + ".node." + lookup.datacenter);
    const auto* ip = std::get_if<IpAddress>(&at.address);
    std::optional<DomainName> target = node_name;
    if (ip == nullptr) {
      target = *std::get_if<DomainName>(&at.address);
    } else if (at.kind == InstanceAddress::Kind::kOther) {
      target = zone_name(ip->to_hex() + ".addr." + lookup.datacenter);
    }
    if (!target) continue;
    Choice choice;
    choice.answer = {step.name, Type::kSrv, kClassInternet, ttl,
                     Srv{1, srv_weight(*instance), port, *target}};
    if (ip != nullptr) {
      choice.extra.push_back(address_record(*target, ttl, *ip));
    } else {
      choice.extra = chased_records(*target, step, ttl);
      chased_count_ += choice.extra.size();
    }
    if (options_.node_meta_txt && node_name) {
      for (Record& text : node_text_records(*instance->node, *node_name, ttl))
        choice.extra.push_back(std::move(text));
    }
    reply.choices.push_back(std::move(choice));
  }
  return reply;
}

Reply Builder::node_reply(const Step& step, const NodeLookup& lookup) {
  const bool texts_answer = step.type == Type::kTxt || step.type == Type::kAny;
  // Other types have no records, and whether there is such a node is not even looked up.
  if (!texts_answer && step.type != Type::kA && step.type != Type::kAaaa) return {};
  const auto found = fact<model::NodeServices>("node", model::GetNodeServices{lookup.node}, lookup.node, {},
                                               lookup.datacenter);
  if (const auto* absent = std::get_if<Absent>(&found)) return failure(*absent);
  const auto& node = (*std::get_if<const model::NodeServices*>(&found))->node;
  if (node == nullptr) return no_such_name();

  Reply reply;
  if (step.type != Type::kTxt) reply = node_address_reply(step, *node);
  if (!texts_answer && !options_.node_meta_txt) return reply;
  std::vector<Record> texts = node_text_records(*node, step.name, zone_.node_ttl());
  if (texts_answer) {
    for (Record& text : texts) reply.fixed.push_back(std::move(text));
  } else if (!texts.empty()) {
    Reply with_texts;  // choices leave no room for an additional section
    with_texts.fixed = flatten(std::move(reply));
    with_texts.additional = std::move(texts);
    return with_texts;
  }
  return reply;
}

Reply Builder::node_address_reply(const Step& step, const model::Node& node) {
  const std::uint32_t ttl = zone_.node_ttl();
  const Address address = node_address(node, step.type, options_);
  Reply reply;
  if (const auto* ip = std::get_if<IpAddress>(&address)) {
    if (wants_address(step.type, *ip)) reply.fixed.push_back(address_record(step.name, ttl, *ip));
    return reply;
  }
  const auto& host = *std::get_if<DomainName>(&address);
  if (host.is_root()) return reply;
  reply = chase(host, step);
  reply.fixed.insert(reply.fixed.begin(), pointer(step.name, Type::kCname, ttl, host));
  return reply;
}

Reply Builder::address_reply(const Step& step, const AddressLookup& lookup) const {
  Reply reply;
  if (lookup.address) reply.fixed.push_back(address_record(step.name, zone_.node_ttl(), *lookup.address));
  return reply;
}

/// None: other addresses are a recursor's to know.
std::optional<Reply> Builder::reverse_reply(const ReverseLookup& lookup) {
  const auto target = lookup.address ? reverse_target(*lookup.address) : std::nullopt;
  if (!target) return std::nullopt;
  Reply reply;
  reply.fixed.push_back(pointer(question_.name, Type::kPtr, 0, *target));
  if (question_.type == Type::kSoa) reply.authority.push_back(soa_record());
  return reply;
}

std::optional<DomainName> Builder::reverse_target(const IpAddress& address) {
  const std::string text = address.to_text();
  const std::string& datacenter = options_.datacenter;
  const auto nodes = fact<model::Nodes>("node-at", model::FindNodeByAddress{text}, text, {}, datacenter);
  if (const auto* found = std::get_if<const model::Nodes*>(&nodes); found != nullptr && !(*found)->empty()) {
    return zone_name((*found)->front()->name + ".node." + datacenter);
  }
  if (missing_) return std::nullopt;
  const auto services =
      fact<model::ServiceNodes>("service-at", model::FindServiceByAddress{text}, text, {}, datacenter);
  if (const auto* found = std::get_if<const model::ServiceNodes*>(&services);
      found != nullptr && !(*found)->empty()) {
    return zone_name((*found)->front().service->name + ".service." + datacenter);
  }
  return std::nullopt;
}

Reply Builder::name_server_reply(Type type) {
  Reply reply;
  if (type == Type::kSoa) {
    reply.fixed.push_back(soa_record());
    reply.choices_are_authority = true;
  }
  reply.max_choices = kMaxNameServers;
  const auto servers = healthy_instances(
      {std::string(model::kConsulService), {}, model::ServiceRole::kPlain, options_.datacenter});
  const auto* instances = std::get_if<HealthyInstances>(&servers);
  if (instances == nullptr) return reply;
  const std::uint32_t ttl = zone_.node_ttl();
  for (const model::CheckServiceNode* instance : *instances) {
    const model::Node& node = *instance->node;
    if (!is_plain_host(node.name)) continue;
    const auto name = zone_name(base::to_lower(node.name + ".node." + node.datacenter));
    if (!name) continue;
    Choice choice;
    choice.answer = pointer(zone_.domain(), Type::kNs, ttl, *name);
    choice.extra = flatten(node_address_reply({*name, Type::kAny}, node));
    reply.choices.push_back(std::move(choice));
  }
  return reply;
}

Reply Builder::failure(Absent why) const {
  if (why == Absent::kUnreachable) return no_such_name();
  Reply reply;
  reply.rcode = Rcode::kServerFailure;
  return reply;
}

Reply Builder::no_such_name() const {
  Reply reply;
  reply.rcode = Rcode::kNameError;
  reply.authority.push_back(soa_record());
  return reply;
}

Record Builder::soa_record() const {
  const SoaTimes& times = options_.soa;
  Soa soa;
  soa.server = zone_name("ns").value_or(zone_.domain());
  soa.contact = zone_name("hostmaster").value_or(zone_.domain());
  soa.refresh = times.refresh;
  soa.retry = times.retry;
  soa.expire = times.expire;
  soa.minimum = times.min_ttl;
  return {zone_.domain(), Type::kSoa, kClassInternet, times.min_ttl, std::move(soa)};
}

std::optional<DomainName> Builder::zone_name(const std::string& below) const {
  return DomainName::parse(below + "." + zone_.domain_text());
}

/// What is known of a host's name: all there is, if it is in the own zone; what the recursors say otherwise.
Reply Builder::chase(const DomainName& target, const Step& from) {
  const bool own = target.is_below(zone_.domain()) ||
                   (!zone_.alt_domain().is_root() && target.is_below(zone_.alt_domain()));
  if (from.depth < 1 || chased_count_ >= kMaxChasedRecords) return {};
  Reply found = own ? dispatch({target, Type::kAny, false, from.depth - 1}) : foreign_host(target);
  limit_records(found, kMaxChasedRecords - chased_count_);
  chased_count_ += found.fixed.size() + std::min(found.choices.size(), found.max_choices);
  Reply reply;
  reply.fixed = std::move(found.fixed);
  reply.choices = std::move(found.choices);
  reply.max_choices = found.max_choices;
  reply.ordered = found.ordered;
  if (!from.edns && !options_.strict_truncate) limit_records(reply, kMaxChasedPlain);
  return reply;
}

Reply Builder::foreign_host(const DomainName& host) {
  if (!has_recursors()) return {};
  cacheable_ = false;  // nobody says when it changes
  std::string key("host");
  key += '\0';
  key += host.lower().wire();
  const Fact* known = known_fact(key);
  if (known == nullptr) {
    ask_for(HostAsk{host}, std::move(key));
    return {};
  }
  Reply reply;
  for (const Record& record : known->records) {
    if (record.type == Type::kA || record.type == Type::kAaaa || record.type == Type::kCname)
      reply.fixed.push_back(record);
  }
  return reply;
}

const std::vector<Record>& Builder::chased_records(const DomainName& target, const Step& step,
                                                   std::uint32_t ttl) {
  static const std::vector<Record> none;
  if (chased_count_ >= kMaxChasedRecords) return none;
  const auto [at, is_new] = chased_names_.try_emplace(target.wire());
  if (is_new) {
    Reply reply = chase(target, step);
    set_ttl(reply, ttl);
    at->second = flatten(std::move(reply));
  }
  return at->second;
}

const Fact* Builder::known_fact(const std::string& key) const {
  const auto known =
      std::find_if(facts_.begin(), facts_.end(), [&key](const Fact& fact) { return fact.key == key; });
  return known == facts_.end() ? nullptr : &*known;
}

Absent Builder::ask_for(std::variant<CatalogAsk, HostAsk> what, std::string key) {
  if (facts_.size() >= kMaxFacts) return Absent::kFailed;
  if (!missing_) missing_ = Ask{std::move(what), std::move(key)};
  return Absent::kPending;
}

template <class Value>
std::variant<const Value*, Absent> Builder::fact(std::string_view kind, model::Query query,
                                                 const std::string& name, const std::string& tag,
                                                 const std::string& datacenter, const std::string& near) {
  std::string key(kind);
  for (const std::string& part : {name, tag, datacenter}) {
    key += '\0';
    key += part;
  }
  const Fact* known = known_fact(key);
  if (known == nullptr) return ask_for(CatalogAsk{std::move(query), datacenter, near}, std::move(key));
  if (!known->status.ok()) {
    cacheable_ = false;
    return known->status.message().find(kNoPath) != std::string_view::npos ? Absent::kUnreachable
                                                                           : Absent::kFailed;
  }
  const auto* value = std::get_if<Value>(&known->answer->value());
  if (value == nullptr) return Absent::kFailed;
  return value;
}

std::variant<HealthyInstances, Absent> Builder::healthy_instances(const ServiceLookup& lookup) {
  static constexpr std::string_view kKinds[] = {"service", "connect", "ingress"};
  model::ListServiceHealth query;
  query.service = lookup.service;
  query.tags = lookup.tags;
  query.role = lookup.role;
  std::string tags;
  for (const std::string& tag : lookup.tags) tags += tag + '.';
  const auto found =
      fact<model::CheckServiceNodes>(kKinds[static_cast<std::size_t>(lookup.role)], std::move(query),
                                     lookup.service, tags, lookup.datacenter, options_.near);
  if (const auto* absent = std::get_if<Absent>(&found)) return *absent;
  HealthyInstances healthy;
  for (const model::CheckServiceNode& instance : **std::get_if<const model::CheckServiceNodes*>(&found)) {
    if (is_usable(instance, options_.only_passing)) healthy.push_back(&instance);
  }
  return healthy;
}

}  // namespace

std::variant<Reply, Ask, Relay> make_reply(const Question& question, const Zone& zone, const Facts& facts) {
  return Builder(question, zone, facts).run();
}

Reply no_recursor_reply() {
  Reply reply;
  reply.rcode = Rcode::kServerFailure;
  reply.authoritative = false;
  reply.recursion_available = true;
  return reply;
}

}  // namespace discovery::dns
