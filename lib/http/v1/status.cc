#include <utility>

#include "lib/http/read.h"
#include "lib/http/v1/endpoints.h"

namespace discovery::http::v1 {
namespace {

/// The only name, or an empty string.
void render_name(std::string& out, const model::Value& value, codec::JsonStyle style) {
  const auto* names = std::get_if<model::Names>(&value);
  codec::append_json(out, names == nullptr || names->empty() ? std::string() : names->front(), style);
}

void show_status(Request& request, Reply reply, model::Query query, const View& view) {
  ReadParams params;
  if (Status status = parse_read(request, params); !status.ok()) return std::move(reply).refuse(status);
  // These never wait, nor do they filter.
  params.read.min_index = 0;
  params.read.filter.clear();
  show(request, std::move(reply), std::move(query), std::move(params), view);
}

constexpr View kName{
    .render = render_name, .shows_meta = false, .meta_with_errors = false, .shares_bytes = false};
constexpr View kNames{.render = render_as<model::Names>, .shows_meta = false, .meta_with_errors = false};

}  // namespace

void status_leader(Request& request, Reply reply) {
  show_status(request, std::move(reply), model::GetLeader{}, kName);
}

void status_peers(Request& request, Reply reply) {
  show_status(request, std::move(reply), model::ListPeers{}, kNames);
}

}  // namespace discovery::http::v1
