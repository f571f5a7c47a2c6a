#include "lib/http/feeds.h"

#include <utility>

namespace discovery::http {

void Feeds::add(http1::ResponseStream stream, Duration interval, Fill fill) {
  const std::uint64_t id = ++last_id_;
  auto feed = std::make_unique<Feed>(Feed{std::move(stream), interval, std::move(fill), env_.make_timer()});
  Feed& added = *feed;
  feeds_.emplace(id, std::move(feed));
  added.stream.on_disconnect([this, id] { feeds_.erase(id); });
  arm(id, added);
}

void Feeds::arm(std::uint64_t id, Feed& feed) {
  feed.timer->start(feed.interval, [this, id] { send(id); });
}

void Feeds::send(std::uint64_t id) {
  Feed& feed = *feeds_.at(id);  // whose timer this is
  arm(id, feed);
  if (feed.writing) return;
  std::string piece;
  feed.fill(piece);
  if (piece.empty()) return;
  feed.writing = true;
  feed.stream.write(std::move(piece), [&feed](const Status& status) {
    if (status.ok()) feed.writing = false;  // else the client has gone, and the feed goes at once
  });
}

}  // namespace discovery::http
