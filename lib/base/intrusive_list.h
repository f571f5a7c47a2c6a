#pragma once

#include <cstddef>

namespace discovery::base {

/// A link by which an object is in a list: as many links, in as many lists. An object that dies leaves them.
template <class T>
class ListLink {
 public:
  explicit ListLink(T* owner) noexcept : owner_(owner) {}
  ListLink(const ListLink&) = delete;
  ListLink& operator=(const ListLink&) = delete;
  ~ListLink() { unlink(); }

  bool linked() const noexcept { return next_ != nullptr; }
  void unlink() noexcept {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = nullptr;
  }

 private:
  template <class>
  friend class IntrusiveList;
  T* const owner_;  // null for the list itself
  ListLink* previous_ = nullptr;
  ListLink* next_ = nullptr;
};

/// A list of objects that bring their links along; it owns nothing. All operations take constant time.
template <class T>
class IntrusiveList {
 public:
  IntrusiveList() noexcept { ends_.previous_ = ends_.next_ = &ends_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    while (ends_.next_ != &ends_) ends_.next_->unlink();
    ends_.previous_ = ends_.next_ = nullptr;
  }

  /// Appends an object by one of its links, which leaves the list it was in.
  void push_back(ListLink<T>& link) noexcept {
    link.unlink();
    link.previous_ = ends_.previous_;
    link.next_ = &ends_;
    ends_.previous_->next_ = &link;
    ends_.previous_ = &link;
  }
  bool empty() const noexcept { return ends_.next_ == &ends_; }
  /// The first object, or null.
  T* front() const noexcept { return ends_.next_->owner_; }
  /// The object after one of this list, by its link; or null.
  static T* next(const ListLink<T>& link) noexcept { return link.next_->owner_; }
  /// Calls `visit(const T&)` for each, in order; it must not change the list.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const ListLink<T>* link = ends_.next_; link != &ends_; link = link->next_) visit(*link->owner_);
  }

 private:
  ListLink<T> ends_{nullptr};
};

}  // namespace discovery::base
