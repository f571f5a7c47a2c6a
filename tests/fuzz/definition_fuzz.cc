// What defines services and checks, from wherever it comes: bodies of requests, configuration, and files that
// the agent has kept; and the payloads of events. The first byte says which. What was read can be written,
// and reads back as the same.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "lib/agent/event_message.h"
#include "lib/agent/stored_definition.h"
#include "lib/api/definition_form.h"
#include "lib/api/definitions.h"
#include "lib/codec/json_reader.h"
#include "lib/codec/json_writer.h"
#include "lib/hcl/hcl.h"
#include "lib/http/v1/agent_bodies.h"
#include "lib/http/v1/check_bodies.h"
#include "lib/model/command.h"
#include "lib/model/lock_layout.h"
#include "lib/model/validation.h"
#include "tests/fuzz/readers.h"

namespace {

using namespace discovery;  // NOLINT: a program of its own

void require(bool condition) {
  if (!condition) std::abort();
}

void read_service_body(std::string_view input) {
  http::v1::ServiceBody body;
  if (!codec::from_json(input, body).ok()) return;
  for (auto& check : http::v1::take_checks(body)) (void)model::validate(http::v1::to_spec(std::move(check)));
  if (auto sidecar = http::v1::to_sidecar(body.connect)) (void)model::validate_service(sidecar->service);
  const model::ServiceInstance service = http::v1::to_instance(std::move(body));
  if (!model::validate_service(service).ok()) return;
  model::ServiceInstance back;
  require(codec::from_json(codec::to_json(service), back).ok() && back.same_content(service));
}

void read_check_body(std::string_view input) {
  http::v1::CheckDefinitionBody check;
  if (codec::from_json(input, check).ok()) (void)model::validate(http::v1::to_spec(std::move(check)));
  http::v1::CheckUpdateBody update;
  (void)codec::from_json(input, update);
}

/// A command that came over HTTP goes through the log and back.
template <class Command>
void read_command(std::string_view input) {
  Command command;
  if (!codec::from_json(input, command).ok()) return;
  if constexpr (requires { model::validate(command); }) {
    if (!model::validate(command).ok()) return;
  }
  const std::string logged = model::encode(command);
  const auto back = model::decode_command(logged);
  require(back.ok() && model::encode(*back) == logged);
}

/// A definition of a configuration file, in either of its languages.
void read_configuration(std::string_view input) {
  for (const bool json : {false, true}) {
    Result<hcl::Value> value = json ? hcl::parse_json(input) : hcl::parse_hcl(input);
    if (!value.ok()) continue;
    require(codec::parse_json(api::to_json(api::to_api_form(*value)), {.max_depth = 1024}).ok());
    agent::Config config;
    config.node_name = "one";
    config.datacenter = "dc1";
    config.services.push_back({"f:1", *value});
    (void)api::read_definitions(config);
    config.checks.push_back({"f:2", std::move(*value)});
    config.services.clear();
    (void)api::read_definitions(config);
  }
}

template <class Stored>
void read_stored(std::string_view input) {
  Stored stored;
  if (!agent::parse(input, stored).ok()) return;
  const std::string written = agent::to_json(stored);
  Stored back;
  require(agent::parse(written, back).ok());
  require(agent::to_json(back) == written);
}

void read_event(std::string_view input) {
  const auto event = agent::decode_user_event(input);
  if (!event.ok()) return;
  const auto back = agent::decode_user_event(agent::encode_user_event(*event));
  require(back.ok() && *back == *event);
}

void read_semaphore(std::string_view input) {
  const auto holders = model::decode_semaphore(input, 3);
  if (!holders.ok()) return;
  const auto back = model::decode_semaphore(model::encode(*holders), 3);
  require(back.ok() && back->limit == holders->limit && back->holders == holders->holders);
}

constexpr std::array<fuzz::Reader, 10> kReaders{
    read_service_body,
    read_check_body,
    read_command<model::RegisterCommand>,
    read_command<model::DeregisterCommand>,
    read_configuration,
    read_stored<agent::StoredService>,
    read_stored<agent::StoredCheck>,
    read_stored<agent::StoredState>,
    read_event,
    read_semaphore,
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return discovery::fuzz::read_by_first_byte(kReaders, data, size);
}
