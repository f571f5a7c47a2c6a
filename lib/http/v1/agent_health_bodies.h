#pragma once

/// \file
/// How the agent shows the health of its services and the history of its checks.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/duration.h"
#include "lib/codec/json_writer.h"
#include "lib/http/v1/agent_bodies.h"
#include "lib/model/check_spec.h"
#include "lib/model/local_agent.h"

namespace discovery::http::v1 {

/// A check as the health of a service shows it: with an empty definition written out. Only written.
struct HealthCheckView {
  const model::HealthCheck& check;
};

/// The definition in it, which agents leave empty.
struct EmptyDefinitionView {};

template <class Archive>
void describe(Archive& archive, const EmptyDefinitionView&) {
  constexpr std::string_view kZero = "0s";
  constexpr std::string_view kNothing;
  archive.field("Interval", kZero);
  archive.field("Timeout", kZero);
  archive.field("DeregisterCriticalServiceAfter", kZero);
  archive.field("HTTP", kNothing);
  archive.field("Header", std::optional<std::string>());
  archive.field("Method", kNothing);
  archive.field("Body", kNothing);
  archive.field("TLSServerName", kNothing);
  archive.field("TLSSkipVerify", false);
  archive.field("TCP", kNothing);
  archive.field("GRPC", kNothing);
  archive.field("GRPCUseTLS", false);
}

template <class Archive>
void describe(Archive& archive, const HealthCheckView& view) {
  const model::HealthCheck& check = view.check;
  archive.field("Node", check.node);
  archive.field("CheckID", check.check_id);
  archive.field("Name", check.name);
  archive.field("Status", check.status);
  archive.field("Notes", check.notes);
  archive.field("Output", check.output);
  archive.field("ServiceID", check.service_id);
  archive.field("ServiceName", check.service_name);
  archive.field("ServiceTags", check.service_tags, {.null_if_empty = true});
  archive.field("Type", std::string_view());
  archive.field("Definition", EmptyDefinitionView{});
  archive.field("CreateIndex", std::uint64_t{0});
  archive.field("ModifyIndex", std::uint64_t{0});
}

/// A moment as RFC 3339 has it, in UTC with milliseconds. Pure.
std::string format_moment(std::chrono::system_clock::time_point time);

struct EvidenceView {
  const model::Evidence& evidence;
};

template <class Archive>
void describe(Archive& archive, const EvidenceView& view) {
  archive.field("Code", view.evidence.code);
  archive.field("Latency", base::format_go_duration(view.evidence.latency));
  archive.field("Consecutive", view.evidence.consecutive);
  archive.field("Output", view.evidence.output);
}

struct TransitionView {
  const model::CheckTransition& transition;
};

template <class Archive>
void describe(Archive& archive, const TransitionView& view) {
  archive.field("Time", format_moment(view.transition.time));
  archive.field("From", view.transition.from);
  archive.field("To", view.transition.to);
  archive.field("Evidence", EvidenceView{view.transition.evidence});
  archive.field("Next", view.transition.next);
}

/// Appends a check's history as JSON.
void append_history(std::string& out, const model::CheckHistory& history, codec::JsonStyle style);

}  // namespace discovery::http::v1
