#include "lib/http/v1/check_bodies.h"

#include <utility>

namespace discovery::http::v1 {

model::CheckSpec to_spec(CheckBody&& check) {
  model::CheckSpec spec = std::move(check.spec);
  if (spec.args.empty()) spec.args = std::move(check.script_args);
  return spec;
}

}  // namespace discovery::http::v1
