#include "lib/model/event.h"

#include <catch2/catch.hpp>

#include "lib/codec/json_writer.h"

namespace discovery::model {
namespace {

std::string problem(UserEvent event) { return std::string(validate(event).message()); }

TEST_CASE("what is wrong with an event is said as Consul says it", "[model][event]") {
  CHECK(validate({.name = "a", .node_filter = "^n", .service_filter = "web", .tag_filter = "v[12]"}).ok());
  CHECK(problem({}) == "User event missing name");
  CHECK(problem({.name = "a", .tag_filter = "x"}) == "Cannot provide tag filter without service filter");
  CHECK(problem({.name = "a", .node_filter = "["}) ==
        "Invalid node filter: error parsing regexp: missing closing ]: `[`");
  CHECK(problem({.name = "a", .service_filter = "("}) ==
        "Invalid service filter: error parsing regexp: missing closing ): `(`");
  CHECK(problem({.name = "a", .service_filter = "x", .tag_filter = "*"}) ==
        "Invalid tag filter: error parsing regexp: missing argument to repetition operator: `*`");
}

TEST_CASE("an event's index is made of the halves of its id", "[model][event]") {
  // Recorded: the list that ends with this event has this index.
  CHECK(event_index("a717c539-2de5-b888-5be5-f4d00e034cbd") == 18226685519321297973U);
  CHECK(event_index("fcbe8345-f267-61f8-a008-19299de79b67") == 6680696887768578719U);
  CHECK(event_index("f691be7c-e29b-beec-7d33-e1c8d01d1bdf") == 10061709745045546291U);
  CHECK(event_index("no id") == 1);
  CHECK(event_index("") == 1);
}

TEST_CASE("an event as JSON", "[model][event]") {
  std::string json;
  codec::append_json(json, UserEvent{.id = "i", .name = "a/b", .payload = "slash", .ltime = 5},
                     codec::JsonStyle::kCompact);
  CHECK(json ==
        R"({"ID":"i","Name":"a/b","Payload":"c2xhc2g=","NodeFilter":"","ServiceFilter":"","TagFilter":"",)"
        R"("Version":1,"LTime":5})");
  json.clear();
  codec::append_json(json, UserEvent{.id = "i", .name = "n"}, codec::JsonStyle::kCompact);
  CHECK(json.find("\"Payload\":null") != std::string::npos);
}

}  // namespace
}  // namespace discovery::model
