#include "lib/env/env.h"

namespace discovery::env {

std::string Endpoint::to_string() const {
  if (is_unix()) return "unix://" + address;
  const std::string number = std::to_string(port);
  if (address.find(':') != std::string::npos) return "[" + address + "]:" + number;
  return address + ":" + number;
}

}  // namespace discovery::env
