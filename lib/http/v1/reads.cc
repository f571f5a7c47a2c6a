#include "lib/http/v1/reads.h"

#include <utility>

namespace discovery::http::v1 {

bool parse_common_read(const Request& request, Reply& reply, ReadParams& params) {
  Status status = check_namespace(request);
  if (status.ok()) status = parse_read(request, params);
  if (!status.ok()) std::move(reply).refuse(status);
  return status.ok();
}

bool parse_named_read(const Request& request, Reply& reply, ReadParams& params, const char* missing) {
  if (!parse_common_read(request, reply, params)) return false;
  if (!request.tail.empty()) return true;
  std::move(reply).text(400, missing);
  return false;
}

bool parse_service_read(const Request& request, Reply& reply, ReadParams& params) {
  return parse_named_read(request, reply, params, "Missing service name");
}

std::vector<std::string> parse_tags(const Request& request) {
  std::vector<std::string> tags;
  for (const Params::Param& param : request.params) {
    if (param.name == "tag") tags.emplace_back(param.value);
  }
  return tags;
}

}  // namespace discovery::http::v1
