#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/state/touched.h"

namespace discovery::state {

/// Somebody who wants to know when one of its subjects was changed.
class Watcher {
 public:
  virtual ~Watcher() = default;
  /// A commit changed at least one subject. Called once a commit, after the new version can be read. It may
  /// cancel any subscription, its own too, and must not subscribe.
  virtual void on_touched() = 0;
};

/// Who is told about which changes: a commit reaches exactly the watchers of the subjects that it touched. A
/// key of the KV store reaches the watchers of the key and of every prefix of it; a deleted prefix those of
/// every key and prefix below it too. The cost of a commit follows what it touched, not how much is watched.
/// Threads: one, the writer's.
class WatchRegistry {
 public:
  class Subscription;

  WatchRegistry() = default;
  ~WatchRegistry();
  WatchRegistry(const WatchRegistry&) = delete;
  WatchRegistry& operator=(const WatchRegistry&) = delete;

  /// Tells `watcher` of changes of these subjects until the subscription goes; both must outlive it.
  Subscription subscribe(const Touched& subjects, Watcher& watcher);

  /// Tells the watchers of what a commit touched.
  void notify(const Touched& touched);

  /// How many subjects are watched.
  std::size_t size() const noexcept;

 private:
  struct List;
  struct Link {
    Link* previous;
    Link* next;
    Watcher* watcher;  ///< null in a list's head
    List* list;
  };
  struct List {
    Link head;
    Subject subject;
  };
  using Ordered = std::map<std::string, std::unique_ptr<List>, std::less<>>;
  struct SubjectHash {
    std::size_t operator()(const Subject& subject) const noexcept {
      return std::hash<std::string>()(subject.name) * 31 + static_cast<std::size_t>(subject.topic);
    }
  };

  List& list_of(const Subject& subject);
  void remove(Link& link);
  static void collect(const List& list, std::vector<Watcher*>& out);
  void collect_prefixes_of(std::string_view key, std::vector<Watcher*>& out) const;
  static void collect_below(const Ordered& lists, std::string_view prefix, std::vector<Watcher*>& out);

  std::unordered_map<Subject, std::unique_ptr<List>, SubjectHash> tables_;
  Ordered keys_;
  Ordered prefixes_;
  std::map<std::size_t, std::size_t> prefix_lengths_;  ///< how many watched prefixes have which length
  std::vector<Watcher*> notifying_;                    ///< who is still to be told, while notify() runs

 public:
  /// A watcher's entries; ends with it. Move-only.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(Subscription&& other) noexcept = default;
    Subscription& operator=(Subscription&& other) noexcept {
      std::swap(registry_, other.registry_);
      std::swap(links_, other.links_);
      return *this;
    }
    ~Subscription();

   private:
    friend class WatchRegistry;
    WatchRegistry* registry_ = nullptr;
    std::vector<std::unique_ptr<Link>> links_;
  };
};

}  // namespace discovery::state
