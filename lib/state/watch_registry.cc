#include "lib/state/watch_registry.h"

#include <algorithm>
#include <utility>

namespace discovery::state {

WatchRegistry::~WatchRegistry() = default;

WatchRegistry::Subscription::~Subscription() {
  for (const auto& link : links_) registry_->remove(*link);
}

WatchRegistry::List& WatchRegistry::list_of(const Subject& subject) {
  const auto fresh = [&] {
    auto list = std::make_unique<List>();
    list->subject = subject;
    list->head = {&list->head, &list->head, nullptr, list.get()};
    return list;
  };
  if (subject.topic == Topic::kKey || subject.topic == Topic::kKeyPrefix) {
    Ordered& lists = subject.topic == Topic::kKey ? keys_ : prefixes_;
    auto& list = lists[subject.name];
    if (!list) {
      list = fresh();
      if (subject.topic == Topic::kKeyPrefix) ++prefix_lengths_[subject.name.size()];
    }
    return *list;
  }
  auto& list = tables_[subject];
  if (!list) list = fresh();
  return *list;
}

WatchRegistry::Subscription WatchRegistry::subscribe(const Touched& subjects, Watcher& watcher) {
  Subscription subscription;
  subscription.registry_ = this;
  for (const Subject& subject : subjects) {
    List& list = list_of(subject);
    auto link = std::make_unique<Link>(Link{list.head.previous, &list.head, &watcher, &list});
    link->previous->next = link.get();
    list.head.previous = link.get();
    subscription.links_.push_back(std::move(link));
  }
  return subscription;
}

void WatchRegistry::remove(Link& link) {
  std::replace(notifying_.begin(), notifying_.end(), link.watcher, static_cast<Watcher*>(nullptr));
  link.previous->next = link.next;
  link.next->previous = link.previous;
  List& list = *link.list;
  if (list.head.next != &list.head) return;
  const Subject subject = std::move(list.subject);
  switch (subject.topic) {
    case Topic::kKey:
      keys_.erase(subject.name);
      return;
    case Topic::kKeyPrefix:
      if (auto length = prefix_lengths_.find(subject.name.size()); --length->second == 0) {
        prefix_lengths_.erase(length);
      }
      prefixes_.erase(subject.name);
      return;
    default:
      tables_.erase(subject);
  }
}

void WatchRegistry::collect(const List& list, std::vector<Watcher*>& out) {
  for (const Link* link = list.head.next; link != &list.head; link = link->next) out.push_back(link->watcher);
}

void WatchRegistry::collect_prefixes_of(std::string_view key, std::vector<Watcher*>& out) const {
  for (const auto& [length, count] : prefix_lengths_) {
    if (length > key.size()) return;
    if (const auto at = prefixes_.find(key.substr(0, length)); at != prefixes_.end())
      collect(*at->second, out);
  }
}

void WatchRegistry::collect_below(const Ordered& lists, std::string_view prefix, std::vector<Watcher*>& out) {
  for (auto at = lists.lower_bound(prefix); at != lists.end() && at->first.starts_with(prefix); ++at) {
    collect(*at->second, out);
  }
}

void WatchRegistry::notify(const Touched& touched) {
  for (const Subject& subject : touched) {
    if (subject.topic == Topic::kKey) {
      if (const auto at = keys_.find(subject.name); at != keys_.end()) collect(*at->second, notifying_);
      collect_prefixes_of(subject.name, notifying_);
    } else if (subject.topic == Topic::kKeyPrefix) {
      collect_below(keys_, subject.name, notifying_);
      collect_prefixes_of(subject.name, notifying_);
      collect_below(prefixes_, subject.name, notifying_);
    } else if (const auto at = tables_.find(subject); at != tables_.end()) {
      collect(*at->second, notifying_);
    }
  }
  std::sort(notifying_.begin(), notifying_.end());
  notifying_.erase(std::unique(notifying_.begin(), notifying_.end()), notifying_.end());
  // A watcher may end other subscriptions while it is told; remove() blanks those out here.
  for (std::size_t at = 0; at < notifying_.size(); ++at) {
    if (Watcher* watcher = std::exchange(notifying_[at], nullptr); watcher != nullptr) watcher->on_touched();
  }
  notifying_.clear();
}

std::size_t WatchRegistry::size() const noexcept { return tables_.size() + keys_.size() + prefixes_.size(); }

}  // namespace discovery::state
