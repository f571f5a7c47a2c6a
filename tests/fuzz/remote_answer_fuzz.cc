// Answers of another agent, and the files that they are kept in. The first line says what was asked; the rest
// is the body.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "lib/codec/json_reader.h"
#include "lib/codec/json_writer.h"
#include "lib/model/answer.h"
#include "lib/model/describe_records.h"
#include "lib/remote/agent_forms.h"
#include "lib/remote/answer_files.h"
#include "lib/remote/answers.h"

namespace {

namespace codec = discovery::codec;
namespace model = discovery::model;
namespace remote = discovery::remote;

void require(bool condition) {
  if (!condition) std::abort();
}

template <std::size_t kAt = 0>
model::Query query_at(std::size_t index) {
  if constexpr (kAt + 1 < std::variant_size_v<model::Query>) {
    if (index != kAt) return query_at<kAt + 1>(index);
  }
  return std::variant_alternative_t<kAt, model::Query>{};
}

/// What has been read of these can be written, and reads the same.
template <class Rows>
void check_written(const model::Query& query, const Rows& rows) {
  const std::string written = codec::to_json(rows);
  const auto again = remote::decode_answer(query, 200, written);
  require(again.ok());
  const auto* same = std::get_if<Rows>(&*again);
  require(same != nullptr && codec::to_json(*same) == written);
}

void check_answer(std::string_view first, std::string_view body) {
  const std::size_t index = first.empty() ? 0 : static_cast<unsigned char>(first[0]) - std::size_t{'a'};
  if (index >= std::variant_size_v<model::Query>) return;
  const model::Query query = query_at(index);
  const int status = first.size() > 1 ? 404 : 200;
  const auto value = remote::decode_answer(query, status, body);
  if (!value.ok()) return;
  (void)model::value_bytes(*value);
  if (status != 200) return;
  if (const auto* nodes = std::get_if<model::Nodes>(&*value)) check_written(query, *nodes);
  if (const auto* checks = std::get_if<model::Checks>(&*value)) check_written(query, *checks);
  if (const auto* rows = std::get_if<model::ServiceNodes>(&*value)) check_written(query, *rows);
  if (const auto* rows = std::get_if<model::CheckServiceNodes>(&*value)) check_written(query, *rows);
}

void check_agent(std::string_view body) {
  const auto services = remote::read_services(body);
  if (services.ok()) {
    for (const auto& service : *services) require(service.service != nullptr);
  }
  (void)remote::read_service(body, "");
  (void)remote::read_checks(body);
  (void)remote::read_self(body);
  (void)remote::read_members(body);
  (void)remote::read_history(body);
  (void)remote::read_health(body);
  (void)remote::read_health_list(body);
}

void check_kept(std::string_view body) {
  require(!remote::decode_kept("question", body).ok() || body.size() > 64);
  const remote::KeptAnswer answer{{}, 1, 200, std::make_shared<const std::string>(body)};
  const auto back = remote::decode_kept(body, remote::encode_kept(body, answer));
  require(back.ok() && *back->body == body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = input.find('\n');
  if (line == std::string_view::npos) return 0;
  const std::string_view first = input.substr(0, line);
  const std::string_view body = input.substr(line + 1);
  if (first == "agent") {
    check_agent(body);
  } else if (first == "kept") {
    check_kept(body);
  } else {
    check_answer(first, body);
  }
  return 0;
}
