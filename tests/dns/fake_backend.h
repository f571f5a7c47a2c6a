#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/model/backend.h"

namespace discovery::dns {

/// A Backend over a catalog in memory, for what DNS asks: it shares answers, and supersedes them when the
/// catalog changes. Threads: safe.
class FakeBackend final : public model::Backend {
 public:
  /// How results come.
  enum class Mode {
    kAtOnce,   ///< the Async is ready
    kInside,   ///< the callback is called inside then()
    kDeferred  ///< when complete() is called
  };

  explicit FakeBackend(std::string datacenter = "dc1") : datacenter_(std::move(datacenter)) {}

  Async<model::Outcome> apply(model::Command, Call) override;
  Async<model::SessionPtr> renew_session(std::string, Call) override;
  Async<model::Answer> query(model::Query query, model::Read read) override;
  std::unique_ptr<model::WatchHandle> watch(model::Query, model::Read, model::Sink&) override;

  /// Adds or replaces. Checks with a service_id count for that instance, the others for the node.
  void put_node(model::Node node);
  void put_service(const std::string& node, model::ServiceInstance service);
  void put_check(model::HealthCheck check);
  void remove_service(const std::string& node, const std::string& id);

  /// Shorthand: an instance on a node of its own.
  void add(const std::string& service, const std::string& node, const std::string& node_address,
           std::int64_t port = 80, const std::string& service_address = {}, const model::Tags& tags = {});
  void set_status(const std::string& node, const std::string& service_id, const std::string& status);

  void set_mode(Mode mode);
  /// Answers everything with this instead, unless it is ok.
  void set_failure(Status status);
  /// What answers say of the server's contact with its leader; answers asked for without kStale say 0.
  void set_last_contact(Duration age);
  /// Completes what waits, with the state of when it was asked; returns how many.
  std::size_t complete();

  std::size_t queries() const;
  std::vector<model::Read> reads() const;

 private:
  struct OfNode {
    model::NodePtr node;
    std::map<std::string, model::ServicePtr> services;
    std::map<std::string, model::CheckPtr> checks;
  };
  using SharedPtr = std::shared_ptr<const model::SharedAnswer>;

  model::Value evaluate(const model::Query& query) const;
  model::CheckServiceNodes health(const model::ListServiceHealth& query) const;
  void changed();

  mutable std::mutex mutex_;
  std::string datacenter_;
  std::map<std::string, OfNode> nodes_;  // by name in lower case
  std::map<std::string, SharedPtr> answers_;
  Index index_ = 1;
  Mode mode_ = Mode::kAtOnce;
  Status failure_;
  Duration last_contact_{};
  std::vector<std::pair<Async<model::Answer>::Callback, Result<model::Answer>>> waiting_;
  std::vector<model::Read> reads_;
};

}  // namespace discovery::dns
