#pragma once

/// \file
/// What clients send to define a check
/// (https://developer.hashicorp.com/consul/api-docs/agent/check#register-check).

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/codec/describe.h"
#include "lib/model/describe_check_spec.h"
#include "lib/model/local_agent.h"

namespace discovery::http::v1 {

/// The definition of a check, of any kind.
struct CheckBody {
  model::CheckSpec spec;
  std::vector<std::string> script_args;  ///< another name of spec.args

  bool operator==(const CheckBody&) const = default;
};

/// A check inside of a service's definition.
struct ServiceCheckBody : CheckBody {
  bool operator==(const ServiceCheckBody&) const = default;
};

/// A check of its own.
struct CheckDefinitionBody : CheckBody {};

/// The check that the agent is to have.
model::CheckSpec to_spec(CheckBody&& check);

template <class Archive, codec::Described<ServiceCheckBody> R>
void describe(Archive& archive, R& check) {
  archive.field("CheckID", check.spec.id);
  model::describe_check(archive, check.spec, check.script_args);
}

template <class Archive, codec::Described<CheckDefinitionBody> R>
void describe(Archive& archive, R& check) {
  archive.field("ID", check.spec.id);
  archive.field("ServiceID", check.spec.service_id, {.alias = "service_id"});
  archive.field("Token", check.spec.token);
  model::describe_check(archive, check.spec, check.script_args);
}

/// What PUT /v1/agent/check/update takes.
struct CheckUpdateBody {
  std::string status;
  std::string output;
};

template <class Archive, codec::Described<CheckUpdateBody> R>
void describe(Archive& archive, R& update) {
  archive.field("Status", update.status);
  archive.field("Output", update.output);
}

}  // namespace discovery::http::v1
