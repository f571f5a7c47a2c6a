#include "lib/agent/remote_aliases.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "lib/health/alias_check.h"

namespace discovery::agent {

class RemoteAliases::Follower final : public model::Sink {
 public:
  Follower(RemoteAliases& owner, const model::CheckSpec& spec)
      : owner_(owner),
        id_(spec.id),
        node_(spec.alias_node),
        service_(spec.alias_service),
        token_(spec.token) {
    watch_ = owner_.backend_.watch(model::ListNodeChecks{node_}, read(), *this);
  }

  void on_answer(const model::Answer& answer) override {
    checks_ = answer;
    if (service_.empty()) return report(true);
    owner_.backend_.query(model::GetNodeServices{node_}, read())
        .then([this, life = std::weak_ptr(life_)](const Result<model::Answer>& services) {
          if (!life.expired() && services.ok()) report(has_service(*services));
        });
  }

  void on_error(const Status& status) override {
    owner_.reported_(id_, {health::Health::kCritical, 0,
                           "Failure checking aliased node or service: " + std::string(status.message())});
  }

 private:
  struct Life {};

  model::Read read() const {
    model::Read read;
    read.call.token = token_;
    return read;
  }

  bool has_service(const model::Answer& answer) const {
    const auto* const found = std::get_if<model::NodeServices>(&answer.value());
    return found != nullptr && std::any_of(found->services.begin(), found->services.end(),
                                           [&](const auto& service) { return service->id == service_; });
  }

  void report(bool service_exists) {
    const auto* const checks = std::get_if<model::Checks>(&checks_.value());
    if (checks == nullptr) return;
    const health::AliasTarget target{
        .node = node_, .service_id = service_, .alias_id = id_, .service_exists = service_exists};
    owner_.reported_(id_, health::evaluate_alias(target, *checks));
  }

  RemoteAliases& owner_;
  const std::string id_;
  const std::string node_;
  const std::string service_;
  const std::string token_;
  model::Answer checks_;
  std::shared_ptr<Life> life_ = std::make_shared<Life>();
  std::unique_ptr<model::WatchHandle> watch_;
};

RemoteAliases::RemoteAliases(model::Backend& backend, Reported reported)
    : backend_(backend), reported_(std::move(reported)) {}

RemoteAliases::~RemoteAliases() = default;

void RemoteAliases::add(const model::CheckSpec& spec) {
  followers_[spec.id] = std::make_unique<Follower>(*this, spec);
}

void RemoteAliases::remove(std::string_view check_id) {
  if (const auto found = followers_.find(check_id); found != followers_.end()) followers_.erase(found);
}

}  // namespace discovery::agent
