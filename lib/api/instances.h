#pragma once

#include <memory>

#include <discovery/instance.h>

#include "lib/model/query.h"

namespace discovery::api {

/// An instance with its health, as users of the library see it. Pure.
Instance to_instance(const model::CheckServiceNode& row);

/// Makes views of a service's instances, one after another: what has not changed since the one before is not
/// made again. Pure.
class InstanceViews {
 public:
  std::shared_ptr<const Instances> next(const model::CheckServiceNodes& rows);

 private:
  model::CheckServiceNodes rows_;  // what the last view was made from
  std::shared_ptr<const Instances> view_ = std::make_shared<const Instances>();
};

}  // namespace discovery::api
