// Arbitrary bytes as a query, and as a message: whatever comes in, an answer is a whole message and within
// its limit.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/dns/message.h"
#include "lib/dns/responder.h"
#include "lib/model/backend.h"

namespace {

using namespace discovery;  // NOLINT(google-build-using-namespace): a program of one file

/// A catalog that never changes: every service has the same instances, every node the same address.
class FixedBackend final : public model::Backend {
 public:
  FixedBackend() {
    model::CheckServiceNodes instances;
    for (int i = 0; i < 40; ++i) {
      model::Node node;
      node.name = "node-" + std::to_string(i) + std::string(static_cast<std::size_t>(i), 'x');
      node.address = i % 7 == 0   ? "cn.service.consul"
                     : i % 5 == 0 ? "2001:db8::1"
                                  : "192.0.2." + std::to_string(i);
      node.datacenter = "dc1";
      node.meta.set("key", std::string(static_cast<std::size_t>(i) * 8, 'v'));
      model::ServiceInstance service;
      service.name = "web";
      service.port = i;
      if (i % 3 == 0) service.address = i % 2 == 0 ? "198.51.100." + std::to_string(i) : "n1.node.consul";
      instances.push_back({std::make_shared<const model::Node>(node),
                           std::make_shared<const model::ServiceInstance>(service),
                           {}});
    }
    model::NodeServices node;
    node.node = instances[7].node;
    model::Nodes nodes{instances[1].node};
    model::ServiceNodes services{{instances[6].node, instances[6].service}};
    instances_ = share(std::move(instances));
    node_ = share(std::move(node));
    nodes_ = share(std::move(nodes));
    services_ = share(std::move(services));
  }

  Async<model::SessionPtr> renew_session(std::string, Call) override {
    return Status(Code::kInternal, "read only");
  }
  Async<model::Outcome> apply(model::Command, Call) override { return Status(Code::kInternal, "read only"); }
  std::unique_ptr<model::WatchHandle> watch(model::Query, model::Read, model::Sink&) override {
    return nullptr;
  }
  Async<model::Answer> query(model::Query query, model::Read read) override {
    if (!read.call.datacenter.empty()) return Status(Code::kUnavailable, "No path to datacenter");
    if (std::holds_alternative<model::GetNodeServices>(query)) return model::Answer{{}, node_};
    if (std::holds_alternative<model::FindNodeByAddress>(query)) return model::Answer{{}, nodes_};
    if (std::holds_alternative<model::FindServiceByAddress>(query)) return model::Answer{{}, services_};
    return model::Answer{{}, instances_};
  }

 private:
  using Shared = std::shared_ptr<const model::SharedAnswer>;
  static Shared share(model::Value value) {
    return std::make_shared<const model::SharedAnswer>(std::move(value));
  }

  Shared instances_, node_, nodes_, services_;
};

struct FixedClock final : Clock {
  Duration monotonic() override { return {}; }
  std::chrono::system_clock::time_point wall() override { return {}; }
};

void require(bool condition) {
  if (!condition) std::abort();
}

struct Fixture {
  explicit Fixture(bool disable_compression) {
    dns::Options options;
    options.disable_compression = disable_compression;
    options.enable_truncate = true;
    zone = std::make_shared<const dns::Zone>(*dns::Zone::make(options));
    responder =
        std::make_unique<dns::Responder>(dns::ResponderSetup{zone, &backend, &clock, nullptr, 1}, [] {});
  }
  void check(dns::Bytes input, dns::Transport transport) {
    const auto outcome = responder->respond(input, transport, buffer);
    require(outcome.ticket == 0);
    if (outcome.size == 0) return;
    const auto answer = dns::decode(dns::Bytes(buffer).first(outcome.size));
    require(answer.ok());
    dns::Query query;
    if (dns::parse_query(input, query) != dns::Verdict::kAnswer) return;
    const std::size_t limit = dns::packet_rule(query, transport, zone->options()).max_bytes;
    require(outcome.size <= limit || answer->answers.size() <= 1);
  }

  FixedBackend backend;
  FixedClock clock;
  std::shared_ptr<const dns::Zone> zone;
  std::unique_ptr<dns::Responder> responder;
  std::vector<std::uint8_t> buffer = std::vector<std::uint8_t>(dns::kMaxMessageBytes);
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Fixture packed(false);
  static Fixture plain(true);
  const dns::Bytes input(data, size);
  for (Fixture* fixture : {&packed, &plain}) {
    fixture->check(input, dns::Transport::kUdp);
    fixture->check(input, dns::Transport::kTcp);
  }
  if (const auto message = dns::decode(input); message.ok()) {
    const std::string bytes = dns::encode(*message, true);
    const dns::Bytes view(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    require(bytes.size() > dns::kMaxMessageBytes || dns::decode(view).ok());
  }
  return 0;
}
