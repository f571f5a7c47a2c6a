// Five servers, of which one after the other fails and comes back, and a client that calls them by a
// Resolver: no call fails, since each is tried again at another instance.
#include <httplib.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include <discovery/agent.h>
#include <discovery/balance.h>
#include <discovery/resolver.h>

using namespace std::chrono_literals;

namespace {

/// A server that answers "/" unless it is ill.
struct Server {
  httplib::Server http;
  std::atomic<bool> ill{false};
  int port = 0;
  std::thread thread;

  Server() {
    http.Get("/", [this](const httplib::Request&, httplib::Response& response) {
      response.status = ill ? 503 : 200;
    });
    port = http.bind_to_any_port("127.0.0.1");
    thread = std::thread([this] { http.listen_after_bind(); });
  }
  ~Server() {
    http.stop();
    thread.join();
  }
};

discovery::Status call(const discovery::Instance& instance) {
  httplib::Client client(instance.address, instance.port);
  const auto response = client.Get("/");
  if (response && response->status == 200) return {};
  return {discovery::Code::kUnavailable, instance.id + " did not answer well"};
}

}  // namespace

int main() {
  auto agent = discovery::Agent::start();
  if (!agent.ok()) return 1;
  discovery::Registry registry = (*agent)->registry();

  std::vector<std::unique_ptr<Server>> fleet;
  std::vector<discovery::Registration> registrations;
  for (int i = 0; i < 5; ++i) {
    fleet.push_back(std::make_unique<Server>());
    const auto port = static_cast<std::uint16_t>(fleet.back()->port);
    discovery::ServiceSpec web{.name = "web", .id = "web-" + std::to_string(i), .port = port};
    discovery::HttpCheck check{.url = "http://127.0.0.1:" + std::to_string(port) + "/", .interval = 1s};
    web.checks.push_back({.probe = check, .initial = discovery::Health::kPassing});
    auto registration = registry.add(web).get();
    if (!registration.ok()) return 1;
    registrations.push_back(*std::move(registration));
  }

  auto watch = registry.watch("web");
  if (!watch.next().get().ok()) return 1;
  discovery::Resolver resolver(watch.source(), discovery::eject_outliers(discovery::least_loaded()));

  int calls = 0;
  int failed = 0;
  for (auto& ill : fleet) {
    ill->ill = true;
    for (const auto until = std::chrono::steady_clock::now() + 500ms;
         std::chrono::steady_clock::now() < until; ++calls)
      failed += resolver.call(call).ok() ? 0 : 1;
    ill->ill = false;
  }
  std::printf("%d calls, %d failed, %llu attempts were repeated elsewhere\n", calls, failed,
              static_cast<unsigned long long>(resolver.stats().retries));
  return failed == 0 ? 0 : 1;
}
