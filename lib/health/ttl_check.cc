#include "lib/health/ttl_check.h"

namespace discovery::health {

std::string cut_output(std::string_view output, std::size_t limit) {
  if (output.size() <= limit) return std::string(output);
  std::string cut(output.substr(0, limit));
  cut += " ... (captured " + std::to_string(limit) + " of " + std::to_string(output.size()) + " bytes)";
  return cut;
}

std::string expired_output(std::string_view last_output) {
  std::string output = "TTL expired";
  if (!last_output.empty()) {
    output += " (last output before timeout follows): ";
    output += last_output;
  }
  return output;
}

}  // namespace discovery::health
