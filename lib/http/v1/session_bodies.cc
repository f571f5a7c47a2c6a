#include "lib/http/v1/session_bodies.h"

#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "lib/base/duration.h"
#include "lib/base/strings.h"
#include "lib/codec/json_reader.h"

namespace discovery::http::v1 {
namespace {

/// A lock-delay below this was meant in seconds, Consul thinks.
constexpr Duration kSmallestDelay{1000};

/// The members of a session beside its lock-delay, which comes in several forms.
struct SessionBody {
  model::Session& session;
  codec::Opaque lock_delay{};
};

template <class Archive>
void describe(Archive& archive, SessionBody& body) {
  archive.field("ID", body.session.id);
  archive.field("Name", body.session.name);
  archive.field("Node", body.session.node);
  archive.field("LockDelay", body.lock_delay);
  archive.field("Behavior", body.session.behavior);
  archive.field("TTL", body.session.ttl);
  archive.field("NodeChecks", body.session.node_checks);
  archive.field("ServiceChecks", body.session.service_checks);
  archive.field("Checks", body.session.checks);
}

/// A null list is an empty one; for other members null says nothing.
void read_nulls(codec::Value object, model::Session& session) {
  codec::Value name = object.first();
  for (std::size_t left = object.size(); left > 0; --left, name = name.next().next()) {
    if (name.next().kind() != codec::Kind::kNull) continue;
    const std::string lower = base::to_lower(name.text());
    if (lower == "checks") session.checks.clear();
    if (lower == "nodechecks") session.node_checks.reset();
    if (lower == "servicechecks") session.service_checks.reset();
  }
}

/// The product wraps around, as Go's does.
Duration times_seconds(Duration count) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  return Duration(static_cast<std::int64_t>(static_cast<std::uint64_t>(count.count()) * kSecond));
}

/// A number of nanoseconds that does not fit becomes what it becomes with Go on amd64.
Duration whole_nanoseconds(double number) {
  constexpr double kLimit = 9.2e18;
  if (!(std::abs(number) < kLimit)) return Duration::min();
  return Duration(static_cast<std::int64_t>(number));
}

/// What is neither a text nor a number counts as 0.
Result<Duration> read_lock_delay(const codec::Opaque& json) {
  auto tree = codec::parse_json(json.json);
  if (!tree) return tree.status();
  const codec::Value value = tree->root();
  Duration delay{};
  if (value.kind() == codec::Kind::kString) {
    const auto parsed = base::parse_go_duration(value.text());
    if (!parsed.ok()) return parsed.status();
    delay = *parsed;
  } else if (const auto number = value.to_real()) {
    delay = whole_nanoseconds(*number);
  }
  return delay < kSmallestDelay ? times_seconds(delay) : delay;
}

/// Where the older list of checks and the newer one meet, which both name the node's health by default.
void settle_checks(model::Session& session) {
  if (session.checks.empty()) {
    session.node_checks.emplace();
  } else if (session.checks == model::Tags{model::kSerfHealth}) {
    session.checks.clear();
  } else if (!session.node_checks || session.node_checks->empty()) {
    session.checks.clear();
  }
}

Status read_object(std::string_view text, model::Session& session) {
  constexpr codec::JsonReadOptions kOptions{.ignore_unknown_fields = true};
  auto tree = codec::parse_json(text, kOptions);
  if (!tree) return tree.status();
  const codec::Value value = tree->root();
  if (value.kind() == codec::Kind::kNull) return {};
  if (value.kind() != codec::Kind::kObject) {
    return invalid_argument("json: cannot unmarshal " + std::string(to_string(value.kind())) +
                            " into Go value of type struct { LockDelay interface {}; *structs.Alias }");
  }
  SessionBody body{session};
  if (Status status = codec::read_json(value, body, kOptions); !status.ok()) return status;
  read_nulls(value, session);
  if (body.lock_delay.empty()) return {};
  const auto delay = read_lock_delay(body.lock_delay);
  if (!delay.ok()) return delay.status();
  session.lock_delay = *delay;
  return {};
}

}  // namespace

Status read_session(std::string_view body, model::Session& session) {
  session.node_checks = model::Tags{model::kSerfHealth};
  session.checks = model::Tags{model::kSerfHealth};
  if (!body.empty()) {
    if (Status status = read_object(body, session); !status.ok()) return status;
  }
  settle_checks(session);
  return {};
}

}  // namespace discovery::http::v1
