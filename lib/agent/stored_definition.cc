#include "lib/agent/stored_definition.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include "lib/codec/json_reader.h"
#include "lib/codec/json_writer.h"
#include "lib/model/describe_check_spec.h"
#include "lib/model/describe_records.h"

namespace discovery::agent {

namespace {

/// \name The files' contents, in Consul's names
/// @{
struct ServiceFile {
  std::string token;
  model::ServiceInstance service;
  std::string source = "remote";
  bool sidecar = false;
};

template <class Archive, codec::Described<ServiceFile> R>
void describe(Archive& archive, R& file) {
  archive.field("Token", file.token);
  archive.field("Service", file.service);
  archive.field("Source", file.source);
  archive.field("LocallyRegisteredAsSidecar", file.sidecar, {.omit_empty = true});
}

struct CheckType {
  model::CheckSpec spec;
};

template <class Archive, codec::Described<CheckType> R>
void describe(Archive& archive, R& type) {
  archive.field("CheckID", type.spec.id);
  model::describe_check(archive, type.spec, type.spec.args);
}

struct CheckFile {
  model::HealthCheck check;
  std::optional<CheckType> type;
  std::string token;
  std::string source = "remote";
};

template <class Archive, codec::Described<CheckFile> R>
void describe(Archive& archive, R& file) {
  archive.field("Check", file.check);
  archive.field("ChkType", file.type);
  archive.field("Token", file.token);
  archive.field("Source", file.source);
}

/// A moment in seconds of Unix; what the clock cannot say becomes the last one that it can, or the first.
std::chrono::system_clock::time_point moment_of(std::int64_t seconds) {
  using Clock = std::chrono::system_clock;
  const auto whole = [](Clock::time_point at) {
    return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
  };
  const auto in_range =
      std::clamp<std::int64_t>(seconds, whole(Clock::time_point::min()), whole(Clock::time_point::max()));
  return Clock::time_point(std::chrono::seconds(in_range));
}

struct StateFile {
  std::string check_id;
  std::string output;
  std::string status;
  std::int64_t expires = 0;  // seconds of Unix
};

template <class Archive, codec::Described<StateFile> R>
void describe(Archive& archive, R& file) {
  archive.field("CheckID", file.check_id);
  archive.field("Output", file.output);
  archive.field("Status", file.status);
  archive.field("Expires", file.expires);
}
/// @}

constexpr codec::JsonReadOptions kRead{.ignore_unknown_fields = true, .allow_trailing_data = false};

Status incomplete() { return invalid_argument("it names neither an id nor what it is of"); }

}  // namespace

Status parse(std::string_view text, StoredService& stored) {
  ServiceFile file;
  if (Status status = codec::from_json(text, file, kRead); !status.ok()) return status;
  if (file.service.id.empty() || file.service.name.empty()) return incomplete();
  stored = {std::move(file.service), std::move(file.token), file.sidecar};
  return {};
}

Status parse(std::string_view text, StoredCheck& stored) {
  CheckFile file;
  if (Status status = codec::from_json(text, file, kRead); !status.ok()) return status;
  if (file.check.check_id.empty()) return incomplete();
  stored.record = std::move(file.check);
  stored.token = std::move(file.token);
  stored.spec.reset();
  if (file.type) stored.spec = std::move(file.type->spec);
  return {};
}

Status parse(std::string_view text, StoredState& stored) {
  StateFile file;
  if (Status status = codec::from_json(text, file, kRead); !status.ok()) return status;
  if (file.check_id.empty()) return incomplete();
  stored = {std::move(file.check_id), std::move(file.status), std::move(file.output),
            moment_of(file.expires)};
  return {};
}

std::string to_json(const StoredService& stored) {
  return codec::to_json(ServiceFile{stored.token, stored.service, "remote", stored.sidecar});
}

std::string to_json(const StoredCheck& stored) {
  CheckFile file{stored.record, std::nullopt, stored.token};
  if (stored.spec) file.type = CheckType{*stored.spec};
  return codec::to_json(file);
}

std::string to_json(const StoredState& stored) {
  const auto expires = std::chrono::floor<std::chrono::seconds>(stored.expires.time_since_epoch());
  return codec::to_json(StateFile{stored.check_id, stored.output, stored.status, expires.count()});
}

}  // namespace discovery::agent
