#include "lib/agent/remote_aliases.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "lib/health/alias_check.h"

namespace discovery::agent {

/// Watches one target: the checks of its node, and, where a service is meant, whether it is there.
class RemoteAliases::Follower {
 public:
  Follower(RemoteAliases& owner, const model::CheckSpec& spec)
      : owner_(owner), id_(spec.id), node_(spec.alias_node), service_(spec.alias_service) {
    model::Read read;
    read.call.token = spec.token;
    checks_.watch = owner_.backend_.watch(model::ListNodeChecks{node_}, read, checks_);
    if (service_.empty()) return;
    services_.watch = owner_.backend_.watch(model::GetNodeServices{node_}, read, services_);
  }

 private:
  /// What is known of one thing that is watched.
  struct Watched final : model::Sink {
    explicit Watched(Follower& follower) : follower_(follower) {}
    void on_answer(const model::Answer& seen) override {
      answer = seen;
      follower_.report();
    }
    void on_error(const Status& status) override { follower_.report_failure(status); }

    std::optional<model::Answer> answer;
    std::unique_ptr<model::WatchHandle> watch;

   private:
    Follower& follower_;
  };

  bool service_exists() const {
    const auto* const found = std::get_if<model::NodeServices>(&services_.answer->value());
    return found != nullptr && std::any_of(found->services.begin(), found->services.end(),
                                           [&](const auto& service) { return service->id == service_; });
  }

  /// Says how the target is, once all of it is known.
  void report() {
    if (!checks_.answer || (!service_.empty() && !services_.answer)) return;
    const auto* const checks = std::get_if<model::Checks>(&checks_.answer->value());
    if (checks == nullptr) return;
    const health::AliasTarget target{.node = node_,
                                     .service_id = service_,
                                     .alias_id = id_,
                                     .service_exists = service_.empty() || service_exists()};
    owner_.reported_(id_, health::evaluate_alias(target, *checks));
  }

  void report_failure(const Status& status) {
    owner_.reported_(id_, {health::Health::kCritical, 0,
                           "Failure checking aliased node or service: " + std::string(status.message())});
  }

  RemoteAliases& owner_;
  const std::string id_;
  const std::string node_;
  const std::string service_;
  Watched checks_{*this};
  Watched services_{*this};
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
