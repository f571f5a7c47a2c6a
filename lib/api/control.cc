#include "lib/api/control.h"

#include <arpa/inet.h>

#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

#include "lib/api/host_facts.h"
#include "lib/api/runtime_config.h"
#include "lib/base/go_number.h"
#include "lib/health/dial.h"

namespace discovery::api {
namespace {

/// How long another agent may take to answer a connection.
constexpr Duration kJoinTimeout = std::chrono::seconds(10);

/// "10.0.0.1", "name:8301", "[::1]:8301" or "::1"; nothing if what is behind the colon is no port.
std::optional<env::Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port) {
  env::Endpoint endpoint{std::string(text), default_port};
  const std::size_t colon = text.rfind(':');
  const bool bracketed = text.starts_with('[');
  const bool has_port =
      colon != std::string_view::npos && (bracketed ? text[colon - 1] == ']' : text.find(':') == colon);
  if (has_port) {
    const std::string_view port = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
    if (error != std::errc() || end != port.data() + port.size()) return std::nullopt;
    endpoint.address = text.substr(0, colon);
  }
  if (bracketed && endpoint.address.ends_with(']')) {
    endpoint.address = endpoint.address.substr(1, endpoint.address.size() - 2);
  }
  return endpoint;
}

bool is_any(const std::string& address) { return address == "0.0.0.0" || address == "::"; }
bool is_loopback(const std::string& address) { return address.starts_with("127.") || address == "::1"; }

/// Lines of a log do not break.
std::string on_one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool is_space = c == '\n' || c == '\t' || c == ' ';
    if (!is_space) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  return line;
}

Status cannot_join(const std::string& why) {
  return {Code::kUnavailable, "1 error occurred:\n\t* " + why + "\n\n"};
}

}  // namespace

Async<Unit> Control::reload(Call) {
  return Async<Unit>::pending([this](Async<Unit>::Callback done) mutable { begin_reload(std::move(done)); });
}

void Control::begin_reload(Async<Unit>::Callback done) {
  if (std::exchange(reloading_, true)) {
    return done(Status(Code::kFailedPrecondition, "a reload is under way already"));
  }
  parts_.env.log().write(Level::kInfo, "agent", "Reloading configuration...");
  const auto finish = [](Async<Unit>::Callback& callback, const Status& status) {
    if (!status.ok()) return callback(status);
    callback(Unit{});
  };
  if (!parts_.host.load_config) return finish(done, take_over(parts_.config));
  const auto shared = std::make_shared<Async<Unit>::Callback>(std::move(done));
  parts_.host.load_config([env = &parts_.env, alive = self_, shared, finish](Result<agent::Config> fresh) {
    env->post([alive, shared, finish, fresh = std::move(fresh)]() mutable {
      if (*alive == nullptr) return;
      finish(*shared, (*alive)->take_over(std::move(fresh)));
    });
  });
}

Status Control::take_over(Result<agent::Config> fresh) {
  reloading_ = false;
  Status status = fresh.ok() ? parts_.apply(std::move(*fresh)) : fresh.status();
  if (!status.ok()) {
    parts_.env.log().write(Level::kError, "agent",
                           "the configuration stays as it was: " + on_one_line(status.message()));
    return {Code::kInternal, std::string(status.message())};
  }
  if (parts_.host.reloaded) parts_.host.reloaded(parts_.config);
  return status;
}

Async<Unit> Control::leave(Call) {
  parts_.env.log().write(Level::kInfo, "agent", "leaving the pool: the agent was asked to");
  if (parts_.host.left) parts_.host.left();
  return Unit{};
}

bool Control::is_own(const env::Endpoint& endpoint, bool wan) const {
  const int port = wan ? parts_.config.ports.serf_wan : parts_.config.ports.serf_lan;
  const std::string& bound = parts_.config.bind_addr;
  const bool here = endpoint.address == parts_.identity.address || endpoint.address == bound ||
                    (is_any(bound) && is_loopback(endpoint.address));
  return here && endpoint.port == port;
}

Async<Unit> Control::join(std::string address, bool wan, Call) {
  const int port = wan ? parts_.config.ports.serf_wan : parts_.config.ports.serf_lan;
  const auto endpoint = parse_endpoint(address, static_cast<std::uint16_t>(port));
  if (!endpoint) return cannot_join("Failed to resolve " + address + ": its port is no number up to 65535");
  if (agent::ip_version(endpoint->address) != 0) return join_at(*endpoint, wan);
  return Async<Unit>::pending([this, endpoint = *endpoint, address, wan](Async<Unit>::Callback done) mutable {
    const std::string name = endpoint.address;
    parts_.env.resolve(name, [this, alive = self_, endpoint = std::move(endpoint), address, wan,
                              done = std::move(done)](Result<std::vector<std::string>> found) mutable {
      if (*alive == nullptr) return done(Status(Code::kCancelled, "the agent has stopped"));
      if (!found.ok() || found->empty()) {
        const std::string why = found.ok() ? "it has no address" : std::string(found.status().message());
        return done(cannot_join("Failed to resolve " + address + ": " + why));
      }
      for (const std::string& one : *found) {
        if (is_own({one, endpoint.port}, wan)) return done(Unit{});
      }
      join_at({found->front(), endpoint.port}, wan).then(std::move(done));
    });
  });
}

Async<Unit> Control::join_at(const env::Endpoint& endpoint, bool wan) {
  if (is_own(endpoint, wan)) return Unit{};
  return Async<Unit>::pending([this, endpoint](Async<Unit>::Callback done) mutable {
    parts_.env.connect(
        endpoint, kJoinTimeout,
        [endpoint, done = std::move(done)](Result<std::unique_ptr<env::Stream>> stream) mutable {
          const std::string target = endpoint.to_string();
          if (!stream.ok()) {
            const Status failure = health::dial_failure(endpoint, stream.status());
            return done(cannot_join("Failed to join " + target + ": " + std::string(failure.message())));
          }
          done(cannot_join("Failed to join " + target + ": this agent cannot join others yet"));
        });
  });
}

Async<Unit> Control::force_leave(std::string node, bool, bool wan, Call) {
  const std::string& own =
      wan && parts_.identity.wan_member ? parts_.identity.wan_member->name : parts_.identity.self.node_name;
  // Whoever is alive and hears that it has left says that it has not: nothing changes.
  if (node == own) return Unit{};
  return Status(Code::kNotFound, "agent: No node found with name '" + node + "'");
}

std::string Control::runtime_config() { return runtime_config_json(parts_.config, parts_.identity); }

std::string Control::host() { return host_facts_json(parts_.env.clock().wall()); }

}  // namespace discovery::api
