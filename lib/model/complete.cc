#include "lib/model/complete.h"

#include <algorithm>
#include <cstddef>

#include "lib/base/uuid.h"
#include "lib/model/validation.h"

namespace discovery::model {
namespace {

constexpr std::size_t kUuidSize = 36;

}  // namespace

Status check_node(std::string_view name, std::string_view id) {
  if (name.empty()) return invalid_argument("Must provide node");
  if (id.empty() || base::is_uuid(id)) return {};
  return invalid_argument(id.size() != kUuidSize ? "Bad node ID: uuid string is wrong length"
                                                 : "Bad node ID: uuid is improperly formatted");
}

Status complete_service(ServiceInstance& service) {
  if (Status status = validate_service(service); !status.ok()) return status;
  if (service.id.empty()) service.id = service.name;
  if (service.name.empty() && !service.id.empty())
    return invalid_argument("Must provide service name with ID");
  if (is_any_address(service.address)) return invalid_argument("Invalid service address");
  // Weights that mean nothing count as not given, as Consul has it.
  if (!validate_weights(service.weights).ok()) service.weights = {};
  return {};
}

void complete_check(HealthCheck& check) {
  if (check.check_id.empty()) check.check_id = check.name;
  if (check.status.empty()) check.status = kCritical;
}

Status refuse_zero_bytes(std::initializer_list<std::string_view> names) {
  const bool found = std::any_of(names.begin(), names.end(), [](std::string_view name) {
    return name.find('\0') != std::string_view::npos;
  });
  return found ? invalid_argument("Names and IDs must not contain a zero byte") : Status();
}

}  // namespace discovery::model
