// Any sequence of requests to the HTTP API, valid and nearly valid: every one is answered, none with an error
// of the server's that Consul does not give, indexes never fall, JSON is JSON, and the state stays
// consistent.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/codec/json_reader.h"
#include "tests/fuzz/api_world.h"

namespace {

using namespace discovery;  // NOLINT: a program of its own
using fuzz::Answered;
using fuzz::require;

constexpr std::size_t kMaxSteps = 48;

/// What a fuzzer's bytes choose. At their end all choices are the first ones.
class Choices {
 public:
  explicit Choices(std::string_view bytes) : bytes_(bytes) {}

  bool empty() const noexcept { return bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return first;
  }
  std::size_t below(std::size_t bound) { return byte() % bound; }
  std::string of(std::span<const std::string_view> all) { return std::string(all[below(all.size())]); }
  /// Up to 63 bytes as they come.
  std::string text() {
    const std::size_t wanted = byte() % 64;  // before what is left is looked at
    const std::size_t size = std::min(wanted, bytes_.size());
    std::string text(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return text;
  }

 private:
  std::string_view bytes_;
};

constexpr std::array<std::string_view, 6> kKeys{"a", "a/b", "a/c", "a/", "b", "%ff"};
constexpr std::array<std::string_view, 5> kServices{"web", "db", "Web", "web-proxy", "consul"};
constexpr std::array<std::string_view, 5> kIds{"web", "web1", "db1", "", "web-sidecar-proxy"};
constexpr std::array<std::string_view, 4> kNodes{"n1", "n2", "one", "N1"};
constexpr std::array<std::string_view, 5> kCheckIds{"c1", "c2", "service:web", "serfHealth", "service:web1"};
constexpr std::array<std::string_view, 5> kStatuses{"passing", "warning", "critical", "", "odd"};
constexpr std::array<std::string_view, 6> kNumbers{"0", "1", "13", "20", "18446744073709551615", "-1"};
constexpr std::array<std::string_view, 7> kDurations{"10s", "1m", "0s", "15s", "1h", "-5s", "x"};
constexpr std::array<std::string_view, 5> kBehaviors{"release", "delete", "", "Release", "odd"};
constexpr std::array<std::string_view, 5> kMethods{"GET", "PUT", "DELETE", "POST", "HEAD"};

class Player {
 public:
  Player(fuzz::ApiWorld& world, std::string_view bytes) : world_(world), choices_(bytes) {}

  void play() {
    fuzz::Consistency consistency(world_);
    for (std::size_t step = 0; step < kMaxSteps && !choices_.empty(); ++step) {
      (this->*kSteps[choices_.below(kSteps.size())])();
      consistency.check();
    }
  }

 private:
  using Step = void (Player::*)();

  // --- requests

  /// Asks, and checks what holds of any answer. Now and then the body is damaged first.
  Answered ask(std::string_view method, const std::string& target, std::string body = {}) {
    const std::uint8_t damage = body.empty() ? 0 : choices_.byte();
    if (damage >= 240) body.resize(body.size() * (damage - 240) / 16);
    if (damage >= 224 && damage < 240) body.insert(body.size() * (damage - 224) / 16, choices_.text());
    Answered answer = world_.ask(method, target, std::move(body));
    check(method, target, answer);
    return answer;
  }
  void check(std::string_view method, const std::string& target, const Answered& answer) {
    require(answer.status >= 200 && answer.status < 600, "a status of HTTP");
    if (answer.status >= 500)
      require(is_known_error(answer), answer.body + " to " + std::string(method) + target);
    if (answer.content_type == "application/json" && !answer.body.empty()) {
      require(codec::parse_json(answer.body, {.allow_trailing_data = false}).ok(), "JSON: " + answer.body);
    }
    if (method != "GET" || !answer.index || (answer.status != 200 && answer.status != 404)) return;
    require(*answer.index > 0, "no index is 0");
    // Consul has no index for a node that is not there, and makes that of events of the latest one's id.
    if (*answer.index == 1 || target.starts_with("/v1/event")) return;
    std::uint64_t& before = indexes_[target.substr(0, target.find("index="))];
    require(*answer.index >= before, "the index of " + target + " falls from " + std::to_string(before) +
                                         " to " + std::to_string(*answer.index) + ", with " + answer.body);
    before = *answer.index;
  }
  static bool is_known_error(const Answered& answer);

  // --- the key/value store

  std::string key() { return "/v1/kv/" + choices_.of(kKeys); }
  std::string session() {
    return sessions_.empty() || choices_.below(8) == 0 ? choices_.text()
                                                       : sessions_[choices_.below(sessions_.size())];
  }
  void put_key() {
    std::string target = key();
    switch (choices_.below(6)) {
      case 1:
        target += "?flags=" + choices_.of(kNumbers);
        break;
      case 2:
        target += "?cas=" + choices_.of(kNumbers);
        break;
      case 3:
        target += "?acquire=" + escaped(session());
        break;
      case 4:
        target += "?release=" + escaped(session());
        break;
      default:
        break;
    }
    ask("PUT", target, "v" + choices_.text());
  }
  void get_key() {
    constexpr std::array<std::string_view, 7> kHow{
        "", "?raw", "?recurse", "?keys", "?keys&separator=/", "?consistent", "?stale"};
    const std::string target = key() + choices_.of(kHow);
    const Answered answer = ask("GET", target);
    // A blocking query beyond what is there waits, and says then what is there.
    if (answer.index && choices_.below(4) == 0) {
      const char join = target.find('?') == std::string::npos ? '?' : '&';
      ask("GET", target + join + "wait=10s&index=" + std::to_string(*answer.index));
    }
  }
  void delete_key() {
    constexpr std::array<std::string_view, 4> kHow{"", "?recurse", "?cas=", "?cas=0"};
    std::string target = key() + choices_.of(kHow);
    if (target.ends_with("cas=")) target += choices_.of(kNumbers);
    ask("DELETE", target);
  }

  // --- the catalog

  std::string quoted(std::string_view name, const std::string& value) {
    return "\"" + std::string(name) + "\":\"" + value + "\"";
  }
  std::string catalog_check() {
    std::string check = "{" + quoted("CheckID", choices_.of(kCheckIds)) + "," + quoted("Name", "x") + "," +
                        quoted("Status", choices_.of(kStatuses)) + "," +
                        quoted("ServiceID", choices_.of(kIds));
    if (choices_.below(4) == 0) check += "," + quoted("Node", choices_.of(kNodes));
    return check + "}";
  }
  std::string catalog_service() {
    std::string service = "{" + quoted("Service", choices_.of(kServices)) + "," +
                          quoted("ID", choices_.of(kIds)) + ",\"Port\":" + choices_.of(kNumbers) +
                          ",\"Tags\":[\"t" + std::to_string(choices_.below(3)) + "\"]";
    if (choices_.below(4) == 0)
      service += "," + quoted("Kind", "connect-proxy") + ",\"Proxy\":{" +
                 quoted("DestinationServiceName", choices_.of(kServices)) + "}";
    return service + "}";
  }
  void register_catalog() {
    const std::size_t parts = choices_.byte();
    std::string body = "{" + quoted("Node", choices_.of(kNodes)) + "," +
                       quoted("Address", "10.0.0." + std::to_string(choices_.below(5)));
    if ((parts & 1U) != 0) body += ",\"Service\":" + catalog_service();
    if ((parts & 2U) != 0) body += ",\"Check\":" + catalog_check();
    if ((parts & 4U) != 0) body += ",\"Checks\":[" + catalog_check() + "," + catalog_check() + "]";
    if ((parts & 8U) != 0) body += ",\"SkipNodeUpdate\":true";
    if ((parts & 16U) != 0) body += ",\"NodeMeta\":{\"k\":\"v" + std::to_string(choices_.below(3)) + "\"}";
    if ((parts & 32U) != 0)
      body += "," + quoted("ID", "8d85027d-1b8b-63af-a8a8-08c1179ed0a" + std::to_string(choices_.below(4)));
    ask("PUT", "/v1/catalog/register", body + "}");
  }
  void deregister_catalog() {
    const std::size_t parts = choices_.below(3);
    std::string body = "{" + quoted("Node", choices_.of(kNodes));
    if (parts == 1) body += "," + quoted("ServiceID", choices_.of(kIds));
    if (parts == 2) body += "," + quoted("CheckID", choices_.of(kCheckIds));
    ask("PUT", "/v1/catalog/deregister", body + "}");
  }
  void read_catalog() {
    constexpr std::array<std::string_view, 12> kWhat{
        "/v1/catalog/nodes",    "/v1/catalog/services",       "/v1/catalog/service/",
        "/v1/catalog/node/",    "/v1/health/node/",           "/v1/health/checks/",
        "/v1/health/service/",  "/v1/health/state/any",       "/v1/health/state/critical",
        "/v1/catalog/connect/", "/v1/catalog/node-services/", "/v1/health/connect/"};
    constexpr std::array<std::string_view, 8> kHow{"",
                                                   "?passing",
                                                   "?near=n1",
                                                   "?filter=ServiceID!=web",
                                                   "?node-meta=k:v1",
                                                   "?tag=t1",
                                                   "?cached",
                                                   "?filter=Node.Node==n1"};
    std::string target = choices_.of(kWhat);
    if (target.ends_with('/'))
      target += target.find("node") != std::string::npos ? choices_.of(kNodes) : choices_.of(kServices);
    ask("GET", target + choices_.of(kHow));
  }

  // --- the agent

  std::string agent_check() {
    switch (choices_.below(4)) {
      case 0:
        return "{" + quoted("TTL", choices_.of(kDurations)) + "," + quoted("Status", choices_.of(kStatuses)) +
               "}";
      case 1:
        return "{" + quoted("TCP", "10.0.0.1:1") + "," + quoted("Interval", choices_.of(kDurations)) + "}";
      case 2:
        return "{" + quoted("HTTP", "http://10.0.0.1:8500/") + "," +
               quoted("Interval", choices_.of(kDurations)) + "," +
               quoted("DeregisterCriticalServiceAfter", choices_.of(kDurations)) + "}";
      default:
        return "{" + quoted("AliasService", choices_.of(kIds)) + "}";
    }
  }
  void register_service() {
    const std::size_t parts = choices_.byte();
    std::string body = "{" + quoted("Name", choices_.of(kServices)) + "," + quoted("ID", choices_.of(kIds)) +
                       ",\"Port\":" + choices_.of(kNumbers);
    if ((parts & 1U) != 0) body += ",\"Check\":" + agent_check();
    if ((parts & 2U) != 0) body += ",\"Checks\":[" + agent_check() + "," + agent_check() + "]";
    if ((parts & 4U) != 0) body += ",\"Tags\":[\"t1\",\"t1\",\"t2\"]";
    if ((parts & 8U) != 0) body += ",\"Connect\":{\"SidecarService\":{}}";
    if ((parts & 16U) != 0) body += ",\"Weights\":{\"Passing\":" + choices_.of(kNumbers) + ",\"Warning\":1}";
    if ((parts & 32U) != 0) body += ",\"EnableTagOverride\":true";
    ask("PUT",
        std::string("/v1/agent/service/register") + ((parts & 64U) != 0 ? "?replace-existing-checks" : ""),
        body + "}");
  }
  void register_check() {
    std::string body = agent_check();
    body.insert(1, quoted("ID", choices_.of(kCheckIds)) + "," + quoted("Name", "x") + "," +
                       quoted("ServiceID", choices_.of(kIds)) + ",");
    ask("PUT", "/v1/agent/check/register", body);
  }
  void change_agent() {
    switch (choices_.below(7)) {
      case 0:
        return void(ask("PUT", "/v1/agent/service/deregister/" + choices_.of(kIds)));
      case 1:
        return void(ask("PUT", "/v1/agent/check/deregister/" + choices_.of(kCheckIds)));
      case 2: {
        constexpr std::array<std::string_view, 3> kHow{"pass", "warn", "fail"};
        const std::string how = choices_.of(kHow);
        return void(ask("PUT", "/v1/agent/check/" + how + "/" + choices_.of(kCheckIds)));
      }
      case 3:
        return void(ask("PUT", "/v1/agent/check/update/" + choices_.of(kCheckIds),
                        "{" + quoted("Status", choices_.of(kStatuses)) + "}"));
      case 4:
        return void(ask("PUT", "/v1/agent/service/maintenance/" + choices_.of(kIds) + "?enable=true"));
      case 5:
        return void(ask("PUT", "/v1/agent/service/maintenance/" + choices_.of(kIds) + "?enable=false"));
      default:
        return void(ask("PUT", choices_.below(2) == 0 ? "/v1/agent/maintenance?enable=true"
                                                      : "/v1/agent/maintenance?enable=false"));
    }
  }
  void read_agent() {
    constexpr std::array<std::string_view, 9> kWhat{"/v1/agent/services",
                                                    "/v1/agent/checks",
                                                    "/v1/agent/members",
                                                    "/v1/agent/self",
                                                    "/v1/agent/service/",
                                                    "/v1/agent/health/service/id/",
                                                    "/v1/agent/health/service/name/",
                                                    "/v1/agent/checks?filter=Status==passing",
                                                    "/v1/agent/health/service/name/web?format=text"};
    std::string target = choices_.of(kWhat);
    if (target.ends_with('/')) target += choices_.of(kIds);
    ask("GET", target);
  }

  // --- sessions, transactions, events, time, and anything

  void create_session() {
    const std::size_t parts = choices_.byte();
    std::string body = "{" + quoted("Name", "s");
    if ((parts & 1U) != 0) body += "," + quoted("TTL", choices_.of(kDurations));
    if ((parts & 2U) != 0) body += "," + quoted("Behavior", choices_.of(kBehaviors));
    if ((parts & 4U) != 0) body += "," + quoted("Node", choices_.of(kNodes));
    if ((parts & 8U) != 0) body += ",\"Checks\":[\"" + choices_.of(kCheckIds) + "\"]";
    if ((parts & 16U) != 0) body += ",\"NodeChecks\":[\"" + choices_.of(kCheckIds) + "\"]";
    if ((parts & 32U) != 0) body += ",\"ServiceChecks\":[{" + quoted("ID", choices_.of(kCheckIds)) + "}]";
    if ((parts & 64U) != 0) body += "," + quoted("LockDelay", choices_.of(kDurations));
    const Answered answer = ask("PUT", "/v1/session/create", body + "}");
    const std::size_t id = answer.body.find(": \"");
    if (answer.status == 200 && id != std::string::npos && sessions_.size() < 16) {
      sessions_.push_back(answer.body.substr(id + 3, 36));
    }
  }
  void use_session() {
    constexpr std::array<std::string_view, 5> kWhat{"destroy", "renew", "info", "node", "list"};
    const std::string what = choices_.of(kWhat);
    const bool reads = what == "info" || what == "node" || what == "list";
    std::string target = "/v1/session/" + what;
    if (what != "list") target += "/" + escaped(what == "node" ? choices_.of(kNodes) : session());
    ask(reads ? "GET" : "PUT", target);
  }
  std::string operation() {
    constexpr std::array<std::string_view, 14> kVerbs{"set",
                                                      "get",
                                                      "cas",
                                                      "lock",
                                                      "unlock",
                                                      "get-tree",
                                                      "check-index",
                                                      "check-session",
                                                      "check-not-exists",
                                                      "delete",
                                                      "delete-tree",
                                                      "delete-cas",
                                                      "get-or-empty",
                                                      "odd"};
    constexpr std::array<std::string_view, 5> kCatalogVerbs{"set", "get", "cas", "delete", "delete-cas"};
    switch (choices_.below(4)) {
      case 1:
        return "{\"Node\":{" + quoted("Verb", choices_.of(kCatalogVerbs)) + ",\"Node\":{" +
               quoted("Node", choices_.of(kNodes)) + "," + quoted("Address", "10.0.0.7") +
               ",\"ModifyIndex\":" + choices_.of(kNumbers) + "}}}";
      case 2:
        return "{\"Service\":{" + quoted("Verb", choices_.of(kCatalogVerbs)) + "," +
               quoted("Node", choices_.of(kNodes)) + ",\"Service\":" + catalog_service() + "}}";
      case 3:
        return "{\"Check\":{" + quoted("Verb", choices_.of(kCatalogVerbs)) + ",\"Check\":" + catalog_check() +
               "}}";
      default:
        return "{\"KV\":{" + quoted("Verb", choices_.of(kVerbs)) + "," + quoted("Key", choices_.of(kKeys)) +
               "," + quoted("Value", "dg==") + ",\"Index\":" + choices_.of(kNumbers) + "," +
               quoted("Session", hex(session())) + "}}";
    }
  }
  void transact() {
    std::string body = "[" + operation();
    for (std::size_t more = choices_.below(4); more > 0; --more) body += "," + operation();
    ask("PUT", "/v1/txn", body + "]");
  }
  void use_events() {
    if (choices_.below(2) == 0) return void(ask("GET", "/v1/event/list"));
    constexpr std::array<std::string_view, 5> kHow{"", "?node=one", "?service=web", "?tag=t1", "?node=("};
    ask("PUT", "/v1/event/fire/deploy" + choices_.of(kHow), choices_.text());
  }
  void pass_time() {
    constexpr std::array<std::chrono::seconds, 6> kSpans{std::chrono::seconds(1),  std::chrono::seconds(11),
                                                         std::chrono::seconds(16), std::chrono::minutes(1),
                                                         std::chrono::minutes(6),  std::chrono::hours(1)};
    world_.pass_time(kSpans[choices_.below(kSpans.size())]);
  }
  void ask_anything() {
    constexpr std::array<std::string_view, 8> kRoots{
        "", "v1/", "v1/kv/", "v1/catalog/", "v1/health/", "v1/agent/", "v1/session/", "v1/coordinate/"};
    const std::string method = choices_.of(kMethods);
    const std::string target = "/" + choices_.of(kRoots) + clean(choices_.text());
    // What never ends has tests of its own.
    if (target.find("monitor") != std::string::npos || target.find("stream") != std::string::npos) return;
    ask(method, target, choices_.text());
  }

  /// What the parser of a request's head lets through.
  static std::string clean(std::string text) {
    for (char& c : text) {
      if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) c = '/';
    }
    return text;
  }
  static std::string hex(std::string_view text) {
    std::string out;
    for (const char c : text) out += (c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ') ? '_' : c;
    return out;
  }
  static std::string escaped(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string out;
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
    return out;
  }

  static constexpr std::array<Step, 16> kSteps{&Player::put_key,
                                               &Player::get_key,
                                               &Player::delete_key,
                                               &Player::register_catalog,
                                               &Player::deregister_catalog,
                                               &Player::read_catalog,
                                               &Player::register_service,
                                               &Player::register_check,
                                               &Player::change_agent,
                                               &Player::read_agent,
                                               &Player::create_session,
                                               &Player::use_session,
                                               &Player::transact,
                                               &Player::use_events,
                                               &Player::pass_time,
                                               &Player::ask_anything};

  fuzz::ApiWorld& world_;
  Choices choices_;
  std::vector<std::string> sessions_;
  std::map<std::string, std::uint64_t> indexes_;
};

/// What Consul says with a status of 500 and up, as its specification and recordings show: to input whose
/// mistake it finds in its state machine, or late.
bool Player::is_known_error(const Answered& answer) {
  if (answer.status == 501) return answer.body.ends_with(" is not available yet");
  if (answer.status == 503) return true;  // the health of a service that is critical
  if (answer.body.empty()) return true;   // a parameter with an escape that is none
  constexpr std::array<std::string_view, 29> kBeginnings{
      "Must provide ",
      "Bad node ID: ",
      "Missing ",
      "missing session",
      "invalid session ",
      "failed inserting check: Missing service registration on node ",
      "failed inserting node: ",
      "failed session lookup: ",
      "Failed to create boolean expression evaluator: ",
      "Failed to decode ",
      "check node ",
      "CheckID ",
      "Check '",
      "ServiceID ",
      "Unknown service ",
      "strconv.Parse",
      "Cannot provide tag filter without service filter",
      "Invalid Behavior setting ",
      "Invalid Session TTL ",
      "Invalid node filter: ",
      "Invalid service filter: ",
      "Invalid tag filter: ",
      "Session TTL ",
      "1 error occurred:",
      "2 errors occurred:",
      "Bad request: Missing ",
      "No path to datacenter",
      "incompatible coordinate",
      "invalid coordinate",
  };
  std::string_view text = answer.body;
  for (const std::string_view way : {"raft apply failed: ", "apply failed: "}) {
    if (text.starts_with(way)) text.remove_prefix(way.size());
  }
  return std::any_of(kBeginnings.begin(), kBeginnings.end(),
                     [text](std::string_view beginning) { return text.starts_with(beginning); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  fuzz::ApiWorld world;
  Player(world, {reinterpret_cast<const char*>(data), size}).play();
  return 0;
}
