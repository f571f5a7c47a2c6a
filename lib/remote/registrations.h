#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/model/local_agent.h"
#include "lib/remote/link.h"

namespace discovery::remote {

/// What was registered on the remote agent through this process: when there was reason to think that the
/// agent was started anew, it is asked what it has, and given again what it has forgotten, with the last
/// words of TTL checks. What was to be removed while it could not be reached is removed then.
///
/// Threads: the loop's. Blocks: never.
class Registrations final : private Link::Observer {
 public:
  /// Which agent is asked, by whom.
  using Caller = std::string;  // a token, or empty

  /// What was said last of a TTL check.
  struct Report {
    std::string status;
    std::string output;
  };

  explicit Registrations(Link& link);
  ~Registrations() override;
  Registrations(const Registrations&) = delete;
  Registrations& operator=(const Registrations&) = delete;

  /// \name What has been done
  /// @{
  void keep(const model::ServiceSpec& spec, const Caller& caller);
  void keep(const model::CheckSpec& spec, const Caller& caller);
  void keep_report(const std::string& check, const std::string& status, const std::string& output);
  void forget_service(const std::string& id);
  void forget_check(const std::string& id);
  /// It could not be removed, and is to go when the agent is there again.
  void owe_removal_of_service(const std::string& id, const Caller& caller);
  void owe_removal_of_check(const std::string& id, const Caller& caller);
  /// @}

  /// Whether the check was registered through this process.
  bool knows_check(const std::string& id) const { return owners_.contains(id); }
  /// What was said last of such a check.
  std::optional<Report> report(const std::string& check) const {
    const auto found = reports_.find(check);
    return found == reports_.end() ? std::nullopt : std::optional(found->second);
  }
  /// Compares with what the agent has, and mends it; `done` is called when that is over, however it went.
  void verify(UniqueFunction<void()> done);

 private:
  struct Service {
    model::ServiceSpec spec;
    Caller caller;
  };
  struct Check {
    model::CheckSpec spec;
    Caller caller;
  };
  struct Round;

  void on_up() override;
  void on_down(const Status&) override {}

  /// Observes the link as long as there is anything to look after.
  void look_after();
  bool nothing_to_do() const {
    return services_.empty() && checks_.empty() && removed_services_.empty() && removed_checks_.empty();
  }
  void verify_soon(Duration delay);
  void compare(const std::shared_ptr<Round>& round, std::set<std::string> services,
               std::set<std::string> checks);
  void send(const std::shared_ptr<Round>& round, Request request, const Caller& caller,
            UniqueFunction<void(bool done)> then);
  void put_service(const std::shared_ptr<Round>& round, const std::string& id);
  void put_check(const std::shared_ptr<Round>& round, const std::string& id);
  void put_reports(const std::shared_ptr<Round>& round, const std::vector<std::string>& checks,
                   const Caller& caller);
  void remove(const std::shared_ptr<Round>& round, bool is_service, const std::string& id,
              const Caller& caller);
  void finish(Round& round);

  Link& link_;
  bool observing_ = false;
  std::map<std::string, Service> services_;
  std::map<std::string, Check> checks_;
  std::map<std::string, Report> reports_;      // by check
  std::map<std::string, std::string> owners_;  // the service of each check; empty: it is one of its own
  std::map<std::string, Caller> removed_services_;
  std::map<std::string, Caller> removed_checks_;
  std::weak_ptr<Round> round_;  // under way
  std::vector<UniqueFunction<void()>> waiting_;
  std::uint32_t failures_ = 0;
  std::unique_ptr<env::Timer> timer_;
  std::shared_ptr<Registrations*> self_ = std::make_shared<Registrations*>(this);
};

/// \name Requests that both the agent and its registrations make
/// @{
Request register_request(const model::ServiceSpec& spec);
Request register_request(const model::CheckSpec& spec);
Request deregister_request(bool is_service, const std::string& id);
Request report_request(const std::string& check, std::string_view status, std::string_view output);
/// @}

/// The ids of a service's checks, as the agent makes them where they were left open
/// (https://developer.hashicorp.com/consul/api-docs/agent/check#checkid). Pure.
std::vector<std::string> check_ids(const model::ServiceSpec& spec);

}  // namespace discovery::remote
