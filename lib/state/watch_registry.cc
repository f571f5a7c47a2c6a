#include "lib/state/watch_registry.h"

#include <algorithm>
#include <utility>

namespace discovery::state {

WatchRegistry::~WatchRegistry() = default;

WatchRegistry::Subscription::~Subscription() {
  for (const auto& link : links_) registry_->remove(*link);
}

const WatchRegistry::List& WatchRegistry::list_of(const Subject& subject) {
  const auto in = [](auto& lists, const auto& key, const Subject& wanted) {
    const auto found = lists.find(key);
    return found != lists.end() ? std::pair(found, false) : lists.emplace(wanted);
  };
  if (subject.topic == Topic::kKey) return *in(keys_, subject.name, subject).first;
  if (subject.topic != Topic::kKeyPrefix) return *in(tables_, subject, subject).first;
  const auto [list, is_new] = in(prefixes_, subject.name, subject);
  if (is_new) ++prefix_lengths_[subject.name.size()];
  return *list;
}

WatchRegistry::Subscription WatchRegistry::subscribe(const Touched& subjects, Watcher& watcher) {
  Subscription subscription;
  subscription.registry_ = this;
  for (const Subject& subject : subjects) {
    const List& list = list_of(subject);
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
  const List& list = *link.list;
  if (list.head.next != &list.head) return;
  const std::string_view name = list.subject.name;  // ends with the list
  switch (list.subject.topic) {
    case Topic::kKey:
      keys_.erase(keys_.find(name));
      return;
    case Topic::kKeyPrefix:
      if (auto length = prefix_lengths_.find(name.size()); --length->second == 0) {
        prefix_lengths_.erase(length);
      }
      prefixes_.erase(prefixes_.find(name));
      return;
    default:
      tables_.erase(tables_.find(list.subject));
  }
}

void WatchRegistry::collect(const List& list, std::vector<Watcher*>& out) {
  for (const Link* link = list.head.next; link != &list.head; link = link->next) out.push_back(link->watcher);
}

void WatchRegistry::collect_prefixes_of(std::string_view key, std::vector<Watcher*>& out) const {
  for (const auto& [length, count] : prefix_lengths_) {
    if (length > key.size()) return;
    if (const auto at = prefixes_.find(key.substr(0, length)); at != prefixes_.end()) collect(*at, out);
  }
}

void WatchRegistry::collect_below(const Ordered& lists, std::string_view prefix, std::vector<Watcher*>& out) {
  for (auto at = lists.lower_bound(prefix); at != lists.end() && at->subject.name.starts_with(prefix); ++at) {
    collect(*at, out);
  }
}

void WatchRegistry::notify(const Touched& touched) {
  for (const Subject& subject : touched) {
    if (subject.topic == Topic::kKey) {
      if (const auto at = keys_.find(subject.name); at != keys_.end()) collect(*at, notifying_);
      collect_prefixes_of(subject.name, notifying_);
    } else if (subject.topic == Topic::kKeyPrefix) {
      collect_below(keys_, subject.name, notifying_);
      collect_prefixes_of(subject.name, notifying_);
      collect_below(prefixes_, subject.name, notifying_);
    } else if (const auto at = tables_.find(subject); at != tables_.end()) {
      collect(*at, notifying_);
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
