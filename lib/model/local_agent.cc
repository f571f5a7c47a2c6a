#include "lib/model/local_agent.h"

#include <cstddef>
#include <utility>

namespace discovery::model {
namespace {

/// Services on their way to an agent, one after another.
class OneByOne : public std::enable_shared_from_this<OneByOne> {
 public:
  OneByOne(LocalAgent& agent, std::vector<ServiceSpec> specs, Call call, Async<Unit>::Callback done)
      : agent_(agent), specs_(std::move(specs)), call_(std::move(call)), done_(std::move(done)) {}

  void go_on() {
    if (next_ == specs_.size()) return done_(Unit{});
    agent_.register_service(specs_[next_], call_)
        .then([self = shared_from_this()](const Result<Unit>& result) {
          if (!result.ok()) return self->take_back(result.status());
          ++self->next_;
          self->go_on();
        });
  }

 private:
  void take_back(const Status& failure) {
    if (next_ == 0) return done_(failure);
    const ServiceSpec& spec = specs_[--next_];
    std::string id = spec.service.id.empty() ? spec.service.name.str() : spec.service.id.str();
    // What cannot be taken back stays: the failure that led here is what the caller must know of.
    agent_.deregister_service(std::move(id), call_)
        .then([self = shared_from_this(), failure](const Result<Unit>&) { self->take_back(failure); });
  }

  LocalAgent& agent_;
  std::vector<ServiceSpec> specs_;
  const Call call_;
  Async<Unit>::Callback done_;
  std::size_t next_ = 0;
};

}  // namespace

Async<Unit> LocalAgent::register_services(std::vector<ServiceSpec> specs, Call call) {
  return Async<Unit>::pending(
      [this, specs = std::move(specs), call = std::move(call)](Async<Unit>::Callback done) mutable {
        std::make_shared<OneByOne>(*this, std::move(specs), std::move(call), std::move(done))->go_on();
      });
}

}  // namespace discovery::model
