// An agent on the program's own Asio loop: no further thread, and coroutines that await operations.
#include <cstdio>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/use_awaitable.hpp>

#include <discovery/agent.h>
#include <discovery/asio.h>

namespace {

asio::awaitable<void> serve(std::unique_ptr<discovery::Agent>& agent, int& exit_code) {
  // With g++ 12 an operation is made outside of the co_await expression.
  auto adding = agent->registry().add({.name = "web", .port = 8080});
  auto registration = co_await discovery::start(std::move(adding), asio::use_awaitable);
  auto finding = agent->registry().find("web");
  auto found = co_await discovery::start(std::move(finding), asio::use_awaitable);
  if (registration.ok() && found.ok()) {
    std::printf("%zu instance of web\n", found->value->size());
    exit_code = 0;
  }
  agent.reset();  // on the loop's thread, where it lives
}

}  // namespace

int main() {
  asio::io_context io;
  discovery::Environment environment;
  discovery::run_on(io, environment);
  auto agent = discovery::Agent::start({}, environment);
  if (!agent.ok()) return 1;
  int exit_code = 1;
  asio::co_spawn(io, serve(*agent, exit_code), asio::detached);
  io.run();
  return exit_code;
}
