// Registers a service with an agent inside of this program, and watches it come, change and go.
#include <cstdio>

#include <discovery/agent.h>

using namespace std::chrono_literals;

int main() {
  auto agent = discovery::Agent::start();
  if (!agent.ok()) {
    std::fprintf(stderr, "%s\n", agent.status().to_string().c_str());
    return 1;
  }
  discovery::Registry registry = (*agent)->registry();

  auto watch = registry.watch("web", {.passing_only = false});
  if (!watch.next().get().ok()) return 1;  // the first view: nobody is there yet

  discovery::ServiceSpec web{.name = "web", .port = 8080};
  web.checks.push_back({.probe = discovery::TtlCheck{30s}, .initial = discovery::Health::kPassing});
  auto registration = registry.add(web).get();
  if (!registration.ok()) return 1;
  for (const auto& added : watch.next().get()->changes().added)
    std::printf("added    %s at %s:%u\n", added->id.c_str(), added->address.c_str(), added->port);

  if (!registration->report(discovery::Health::kWarning, "slow today").ok()) return 1;
  for (const auto& updated : watch.next().get()->changes().updated)
    std::printf("updated  %s is %s\n", updated->id.c_str(),
                updated->health == discovery::Health::kWarning ? "warning" : "something else");

  if (!std::move(*registration).deregister().get().ok()) return 1;
  for (const auto& removed : watch.next().get()->changes().removed)
    std::printf("removed  %s\n", removed->id.c_str());
  return 0;
}
