// A host program: an agent inside of it, a service found and called, a key, a check. Says the library's
// version.

#include <chrono>
#include <cstdio>
#include <string>

#include <discovery/agent.h>
#include <discovery/health_checker.h>
#include <discovery/resolver.h>
#include <discovery/version.h>

namespace {

using namespace discovery;
using namespace std::chrono_literals;

int failed(const char* what, const Status& status) {
  std::fprintf(stderr, "%s: %s\n", what, status.to_string().c_str());
  return 1;
}

int call_a_service(Registry registry) {
  ServiceSpec service{.name = "web", .address = "127.0.0.1", .port = 8080};
  const auto registration = registry.add(std::move(service)).get();
  if (!registration.ok()) return failed("add", registration.status());
  const auto found = registry.find("web").get();
  if (!found.ok()) return failed("find", found.status());
  Resolver resolver([view = *found] { return view; }, round_robin());
  const Status called = resolver.call([](const Instance& at) {
    return at.port == 8080 ? Status() : Status(Code::kInternal, "this is not the port");
  });
  return called.ok() ? 0 : failed("call", called);
}

int keep_a_key(KVStore kv) {
  const auto put = kv.put({.key = "color", .value = "blue"}).get();
  if (!put.ok()) return failed("put", put.status());
  const auto got = kv.get("color").get();
  if (!got.ok()) return failed("get", got.status());
  const auto& pair = *got->value;
  if (pair && pair->value == "blue") return 0;
  return failed("get", {Code::kInternal, "this is not the value"});
}

int check_health() {
  const auto checker = HealthChecker::start();
  if (!checker.ok()) return failed("checker", checker.status());
  const auto id = (*checker)->add({.probe = TtlCheck{1h}, .initial = Health::kPassing});
  if (!id.ok()) return failed("check", id.status());
  const auto state = (*checker)->status(*id);
  if (!state.ok()) return failed("state", state.status());
  return state->health == Health::kPassing ? 0 : 1;
}

}  // namespace

int main() {
  const auto agent = Agent::start();
  if (!agent.ok()) return failed("start", agent.status());
  if (call_a_service((*agent)->registry()) != 0) return 1;
  if (keep_a_key((*agent)->kv()) != 0) return 1;
  if (check_health() != 0) return 1;
  std::printf("%s\n", std::string(version()).c_str());
  return 0;
}
