#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <absl/container/inlined_vector.h>

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
    const List* list;
  };
  /// Those who watch one subject.
  struct List {
    explicit List(Subject of) : subject(std::move(of)) {}
    List(const List&) = delete;
    List& operator=(const List&) = delete;

    const Subject subject;
    mutable Link head{&head, &head, nullptr, this};
  };
  struct ByName {
    using is_transparent = void;
    static std::string_view name(const List& list) noexcept { return list.subject.name; }
    static std::string_view name(std::string_view text) noexcept { return text; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const noexcept {
      return name(a) < name(b);
    }
  };
  using Ordered = std::set<List, ByName>;
  struct SameSubject {
    using is_transparent = void;
    static const Subject& of(const List& list) noexcept { return list.subject; }
    static const Subject& of(const Subject& subject) noexcept { return subject; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const noexcept {
      return of(a) == of(b);
    }
    template <class A>
    std::size_t operator()(const A& a) const noexcept {
      return std::hash<std::string>()(of(a).name) * 31 + static_cast<std::size_t>(of(a).topic);
    }
  };
  using Unordered = std::unordered_set<List, SameSubject, SameSubject>;

  const List& list_of(const Subject& subject);
  void remove(Link& link);
  static void collect(const List& list, std::vector<Watcher*>& out);
  void collect_prefixes_of(std::string_view key, std::vector<Watcher*>& out) const;
  static void collect_below(const Ordered& lists, std::string_view prefix, std::vector<Watcher*>& out);

  Unordered tables_;
  Ordered keys_;
  Ordered prefixes_;
  std::map<std::size_t, std::size_t> prefix_lengths_;  ///< how many watched prefixes have which length
  std::vector<Watcher*> notifying_;                    ///< who is still to be told, while notify() runs

 public:
  /// A watcher's entries; ends with it. Move-only.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(Subscription&& other) noexcept
        : registry_(other.registry_), links_(std::exchange(other.links_, {})) {}
    Subscription& operator=(Subscription&& other) noexcept {
      std::swap(registry_, other.registry_);
      std::swap(links_, other.links_);
      return *this;
    }
    ~Subscription();

   private:
    friend class WatchRegistry;
    WatchRegistry* registry_ = nullptr;
    absl::InlinedVector<std::unique_ptr<Link>, 1> links_;  // most watch one thing
  };
};

}  // namespace discovery::state
