// A filter expression: compiled against the rows of service health and of the catalog, and asked of a row.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "lib/filter/filter.h"
#include "lib/model/describe_records.h"

namespace {

namespace filter = discovery::filter;
namespace model = discovery::model;

model::CheckServiceNode make_row() {
  model::Node node;
  node.name = "n1";
  node.meta = {{"rack", "r1"}};
  model::ServiceInstance service;
  service.name = "web";
  service.tags = {"v1", "v2"};
  service.port = 80;
  service.tagged_addresses["lan"] = {"10.0.0.1", 80};
  model::HealthCheck check;
  check.status = "passing";
  return {std::make_shared<const model::Node>(node),
          std::make_shared<const model::ServiceInstance>(service),
          {std::make_shared<const model::HealthCheck>(check), std::make_shared<const model::HealthCheck>()}};
}

template <class Record>
void run(std::string_view expression, const filter::Schema& schema, const Record& record) {
  const auto compiled = filter::Filter::compile(expression, schema);
  if (!compiled.ok()) {
    if (compiled.status().message().empty()) std::abort();
    return;
  }
  if (!compiled->matches(record).ok()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const filter::Schema health = filter::schema_of<model::CheckServiceNode>();
  static const filter::Schema catalog = filter::schema_of<model::ServiceNode>();
  static const model::CheckServiceNode row = make_row();
  const std::string_view expression(reinterpret_cast<const char*>(data), size);
  run(expression, health, row);
  run(expression, catalog, model::ServiceNode{row.node, row.service});
  return 0;
}
