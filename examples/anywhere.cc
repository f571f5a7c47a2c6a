// One program for each way to deploy: `anywhere` has the state in itself, `anywhere URL` asks a sidecar or a
// server there, a discoveryd or a Consul. The code that uses it is the same.
#include <cstdio>

#include <discovery/agent.h>

int main(int argc, char** argv) {
  discovery::AgentOptions options;
  if (argc > 1) {
    options.mode = discovery::Mode::kRemote;
    options.remote_urls = {argv[1]};
  }
  auto agent = discovery::Agent::start(options);
  if (!agent.ok()) {
    std::fprintf(stderr, "%s\n", agent.status().to_string().c_str());
    return 1;
  }

  const auto registration = (*agent)->registry().add({.name = "anywhere", .port = 8080}).get();
  if (!registration.ok()) {
    std::fprintf(stderr, "%s\n", registration.status().to_string().c_str());
    return 1;
  }
  const auto found = (*agent)->registry().find("anywhere").get();
  if (!found.ok()) return 1;
  for (const auto& instance : *found->value)
    std::printf("%s on %s:%u\n", instance->id.c_str(), instance->address.c_str(), instance->port);
  return found->value->empty() ? 1 : 0;
}
