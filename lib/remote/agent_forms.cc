#include "lib/remote/agent_forms.h"

#include <charconv>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "lib/codec/json_reader.h"
#include "lib/codec/json_writer.h"
#include "lib/model/describe_check_spec.h"
#include "lib/model/describe_member.h"
#include "lib/model/describe_records.h"
#include "lib/remote/answers.h"
#include "lib/remote/lean_writer.h"

namespace discovery::remote {
namespace {

/// \name Bodies
/// @{
/// `id_name` is what the id is called there.
void describe_spec(LeanWriter& archive, const model::CheckSpec& given, std::string_view id_name) {
  model::CheckSpec spec = given;
  spec.h2ping_use_tls = false;  // its default is true, and it means something with h2ping only
  const std::vector<std::string> no_scripts;
  archive.field(id_name, spec.id);
  model::describe_check(archive, spec, no_scripts);
  if (!spec.h2ping.empty()) archive.always("H2PingUseTLS", given.h2ping_use_tls);
}

/// A check inside of a service's definition.
struct InnerCheckBody {
  const model::CheckSpec& spec;
};
void describe(LeanWriter& archive, const InnerCheckBody& body) {
  describe_spec(archive, body.spec, "CheckID");
}

struct OwnCheckBody {
  const model::CheckSpec& spec;
};
void describe(LeanWriter& archive, const OwnCheckBody& body) {
  describe_spec(archive, body.spec, "ID");
  archive.field("ServiceID", body.spec.service_id);
  archive.field("Token", body.spec.token);
}

struct DefinitionBody {
  const model::ServiceInstance& service;
  const std::vector<model::CheckSpec>& checks;
  const std::string& token;
  const std::optional<model::Weights>& weights;
  const model::SidecarSpec* sidecar = nullptr;
};
void describe(LeanWriter& archive, const DefinitionBody& body);

struct ConnectBody {
  bool native = false;
  const model::SidecarSpec* sidecar = nullptr;
};
void describe(LeanWriter& archive, const ConnectBody& body) {
  archive.field("Native", body.native);
  if (body.sidecar == nullptr) return;
  const model::SidecarSpec& sidecar = *body.sidecar;
  archive.field("SidecarService",
                DefinitionBody{sidecar.service, sidecar.checks, sidecar.token, sidecar.weights});
}

void describe(LeanWriter& archive, const DefinitionBody& body) {
  const model::ServiceInstance& service = body.service;
  archive.field("ID", service.id);
  archive.field("Name", service.name);
  archive.field("Kind", service.kind);
  archive.field("Tags", service.tags);
  archive.field("Address", service.address);
  archive.field("TaggedAddresses", service.tagged_addresses);
  archive.field("Meta", service.meta);
  archive.field("Port", service.port);
  archive.field("SocketPath", service.socket_path);
  archive.field("Weights", body.weights);
  archive.field("Token", body.token);
  archive.field("EnableTagOverride", service.enable_tag_override);
  archive.field("Proxy", service.proxy);
  if (service.connect.native || body.sidecar != nullptr) {
    archive.field("Connect", ConnectBody{service.connect.native, body.sidecar});
  }
  std::vector<InnerCheckBody> checks;
  for (const model::CheckSpec& check : body.checks) checks.push_back({check});
  archive.field("Checks", checks);
}

struct CheckUpdateBody {
  std::string_view status;
  std::string_view output;
};
void describe(LeanWriter& archive, const CheckUpdateBody& body) {
  archive.field("Status", body.status);
  archive.field("Output", body.output);
}
/// @}

/// \name Answers
/// @{
struct AgentServiceForm {
  model::ServiceInstance service;
  std::string hash;
};
template <class Archive>
void describe(Archive& archive, AgentServiceForm& form) {
  describe(archive, form.service);
  archive.field("ContentHash", form.hash);
}

struct ConfigForm {
  model::AgentSelf& self;
};
template <class Archive>
void describe(Archive& archive, ConfigForm& form) {
  archive.field("Datacenter", form.self.datacenter);
  archive.field("PrimaryDatacenter", form.self.primary_datacenter);
  archive.field("NodeName", form.self.node_name);
  archive.field("NodeID", form.self.node_id);
  archive.field("Server", form.self.server);
  archive.field("Version", form.self.version);
}

struct SelfForm {
  model::AgentSelf self{};
};
template <class Archive>
void describe(Archive& archive, SelfForm& form) {
  ConfigForm config{form.self};
  archive.field("Config", config);
  archive.field("Coord", form.self.coordinate);
  archive.field("Member", form.self.member);
  archive.field("Meta", form.self.node_meta);
  archive.field("Stats", form.self.stats);
  codec::Opaque mesh;
  archive.field("xDS", mesh);
  form.self.grpc_open = !mesh.empty() && mesh.json != "null";
}

struct EvidenceForm {
  model::Evidence& evidence;
};
template <class Archive>
void describe(Archive& archive, EvidenceForm& form) {
  archive.field("Code", form.evidence.code);
  archive.duration("Latency", form.evidence.latency);
  archive.field("Consecutive", form.evidence.consecutive);
  archive.field("Output", form.evidence.output);
}

struct TransitionForm {
  model::CheckTransition transition{};
  std::string time;
};
template <class Archive>
void describe(Archive& archive, TransitionForm& form) {
  archive.field("Time", form.time);
  archive.field("From", form.transition.from);
  archive.field("To", form.transition.to);
  EvidenceForm evidence{form.transition.evidence};
  archive.field("Evidence", evidence);
  archive.field("Next", form.transition.next);
}

struct HistoryForm {
  model::CheckHistory history;
  std::vector<TransitionForm> transitions;
};
template <class Archive>
void describe(Archive& archive, HistoryForm& form) {
  archive.field("CheckID", form.history.check_id);
  archive.field("ServiceID", form.history.service_id);
  archive.field("Status", form.history.status);
  archive.field("ConsecutiveSuccesses", form.history.consecutive_successes);
  archive.field("ConsecutiveFailures", form.history.consecutive_failures);
  archive.field("Forgotten", form.history.forgotten);
  archive.field("Transitions", form.transitions);
  archive.field("Next", form.history.next);
}

struct HealthForm {
  std::string status;
  std::optional<AgentServiceForm> service;
  std::vector<model::CheckPtr> checks;
};
template <class Archive>
void describe(Archive& archive, HealthForm& form) {
  archive.field("AggregatedStatus", form.status);
  archive.field("Service", form.service);
  archive.field("Checks", form.checks);
}
/// @}

template <class T>
Status read(std::string_view body, T& out) {
  const Status status = codec::from_json(body, out, kTolerant);
  return status.ok() ? Status() : makes_no_sense(status.message());
}

model::AgentService to_service(AgentServiceForm&& form) {
  return {std::make_shared<const model::ServiceInstance>(std::move(form.service)), std::move(form.hash)};
}

std::optional<model::ServiceHealth> to_health(HealthForm&& form) {
  if (!form.service) return std::nullopt;
  std::erase(form.checks, nullptr);
  return model::ServiceHealth{to_service(*std::move(form.service)).service, std::move(form.checks),
                              std::move(form.status)};
}

/// The number that a part of a text is; none for anything else.
std::optional<int> number_in(std::string_view text, std::size_t at, std::size_t size) {
  if (at + size > text.size()) return std::nullopt;
  int number = 0;
  const char* const end = text.data() + at + size;
  const auto [stop, error] = std::from_chars(text.data() + at, end, number);
  if (error != std::errc() || stop != end || number < 0) return std::nullopt;
  return number;
}

/// "2006-01-02T15:04:05.000Z"; the epoch for anything else.
std::chrono::system_clock::time_point read_moment(std::string_view text) {
  using std::chrono::day, std::chrono::hours, std::chrono::milliseconds, std::chrono::minutes;
  using std::chrono::month, std::chrono::seconds, std::chrono::sys_days, std::chrono::year;
  const auto y = number_in(text, 0, 4), mo = number_in(text, 5, 2), d = number_in(text, 8, 2);
  const auto h = number_in(text, 11, 2), mi = number_in(text, 14, 2), s = number_in(text, 17, 2);
  const auto ms = number_in(text, 20, 3);
  if (!y || !mo || !d || !h || !mi || !s) return {};
  const std::chrono::year_month_day date(year(*y), month(static_cast<unsigned>(*mo)),
                                         day(static_cast<unsigned>(*d)));
  if (!date.ok()) return {};
  return sys_days(date) + hours(*h) + minutes(*mi) + seconds(*s) + milliseconds(ms.value_or(0));
}

}  // namespace

std::string service_body(const model::ServiceSpec& spec) {
  const model::SidecarSpec* sidecar = spec.sidecar ? &*spec.sidecar : nullptr;
  // What was not said is left to the agent.
  std::optional<model::Weights> weights;
  if (!(spec.service.weights == model::Weights())) weights = spec.service.weights;
  return to_lean_json(DefinitionBody{spec.service, spec.checks, spec.token, weights, sidecar});
}

std::string check_body(const model::CheckSpec& spec) { return to_lean_json(OwnCheckBody{spec}); }

std::string check_update_body(std::string_view status, std::string_view output) {
  return to_lean_json(CheckUpdateBody{status, output});
}

Result<std::vector<model::AgentService>> read_services(std::string_view body) {
  std::map<std::string, AgentServiceForm> forms;
  if (Status status = read(body, forms); !status.ok()) return status;
  std::vector<model::AgentService> services;
  services.reserve(forms.size());
  for (auto& [id, form] : forms) {
    if (form.service.id.empty()) form.service.id = id;
    services.push_back(to_service(std::move(form)));
  }
  return services;
}

Result<model::AgentService> read_service(std::string_view body, std::string_view hash) {
  AgentServiceForm form;
  if (Status status = read(body, form); !status.ok()) return status;
  if (form.service.id.empty()) return makes_no_sense("the service lacks its id");
  if (form.hash.empty()) form.hash = hash;
  return to_service(std::move(form));
}

Result<std::vector<model::CheckPtr>> read_checks(std::string_view body) {
  std::map<std::string, model::CheckPtr> forms;
  if (Status status = read(body, forms); !status.ok()) return status;
  std::vector<model::CheckPtr> checks;
  for (auto& [id, check] : forms) {
    if (!check || check->check_id.empty()) return makes_no_sense("a check lacks its id");
    checks.push_back(std::move(check));
  }
  return checks;
}

Result<model::AgentSelf> read_self(std::string_view body) {
  SelfForm form;
  if (Status status = read(body, form); !status.ok()) return status;
  if (form.self.node_name.empty()) return makes_no_sense("the agent lacks its name");
  return std::move(form.self);
}

Result<std::vector<model::Member>> read_members(std::string_view body) {
  std::vector<model::Member> members;
  if (Status status = read(body, members); !status.ok()) return status;
  return members;
}

Result<model::CheckHistory> read_history(std::string_view body) {
  HistoryForm form;
  if (Status status = read(body, form); !status.ok()) return status;
  for (TransitionForm& transition : form.transitions) {
    transition.transition.time = read_moment(transition.time);
    form.history.transitions.push_back(std::move(transition.transition));
  }
  return std::move(form.history);
}

Result<std::vector<model::ServiceHealth>> read_health(std::string_view body) {
  HealthForm form;
  if (Status status = read(body, form); !status.ok()) return status;
  std::vector<model::ServiceHealth> found;
  if (auto health = to_health(std::move(form))) found.push_back(*std::move(health));
  return found;
}

Result<std::vector<model::ServiceHealth>> read_health_list(std::string_view body) {
  std::vector<HealthForm> forms;
  if (Status status = read(body, forms); !status.ok()) return status;
  std::vector<model::ServiceHealth> found;
  for (HealthForm& form : forms) {
    if (auto health = to_health(std::move(form))) found.push_back(*std::move(health));
  }
  return found;
}

}  // namespace discovery::remote
