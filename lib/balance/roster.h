#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include <discovery/instance.h>

namespace discovery::balance {

/// How an instance may be used.
enum class Use : std::uint8_t {
  kUsable,
  kCritical,  ///< in a panic only
  kDraining,  ///< never
};

/// What a policy chooses from.
struct Candidate {
  const Instance* instance = nullptr;
  std::uint64_t id = 0;  ///< ticket_of(*instance)
  std::uint32_t weight = 0;
  std::uint32_t slot = 0;  ///< where a policy keeps what it knows of this instance; if the roster has slots
};

/// An instance of the view, in the view's order.
struct Member : Candidate {
  Use use = Use::kDraining;
};

/// A view made ready for picking: who may be picked, and a slot for each that stays with node and id from one
/// view to the next. Views are compared by their instances' addresses, so that a view that differs little
/// costs little. Pure. Threads: a value that moves.
class Roster {
 public:
  struct Options {
    unsigned panic_percent = 50;
    bool slots = false;
  };
  /// How the candidates differ from those before.
  struct Change {
    bool weights = false;  ///< their number, or the weight of one
    bool ids = false;      ///< who they are
  };
  /// Of instances that left the view, the last so many keep their slots.
  static constexpr std::size_t kMaxAbsent = 1024;

  explicit Roster(const Options& options) : options_(options) {}

  bool holds(const std::shared_ptr<const Instances>& view) const noexcept {
    return view.get() == view_.get() && view != nullptr;
  }
  /// Makes a view ready. May throw std::bad_alloc; then clear() it.
  Change take(const std::shared_ptr<const Instances>& view);
  void clear() noexcept;

  const std::shared_ptr<const Instances>& view() const noexcept { return view_; }
  std::span<const Candidate> candidates() const noexcept { return candidates_; }
  std::span<const Member> members() const noexcept { return members_; }
  bool panics() const noexcept { return panics_; }
  /// Of the candidates.
  std::uint64_t total_weight() const noexcept { return total_weight_; }
  bool equal_weights() const noexcept { return equal_weights_; }

  /// One more than the largest slot.
  std::size_t slots() const noexcept { return slots_.size(); }
  /// The slots that were given to other instances by the last take(): what was known there is void.
  std::span<const std::uint32_t> renewed() const noexcept { return renewed_; }
  std::optional<std::uint32_t> slot_of(std::uint64_t id) const noexcept {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  struct Slot {
    std::uint64_t id = 0;
    std::uint64_t left = 0;   // which departure made it absent
    std::uint32_t users = 0;  // members of the view; 0: absent, or free
  };
  struct Absence {
    std::uint32_t slot = 0;
    std::uint64_t left = 0;
  };

  Member member(const std::shared_ptr<const Instance>& instance) const noexcept;
  void replace(std::size_t at, const std::shared_ptr<const Instance>& instance);
  void take_middle(const Instances& now, std::size_t front, std::size_t back);
  void enter(Member& member);
  void leave(const Member& member);
  void forget_old_absences();
  Change collect();

  Options options_;
  std::shared_ptr<const Instances> view_;
  std::vector<Member> members_;  // those of view_
  std::vector<Candidate> candidates_;
  std::uint64_t total_weight_ = 0;
  bool equal_weights_ = true;
  bool panics_ = false;

  std::unordered_map<std::uint64_t, std::uint32_t> by_id_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> renewed_;
  std::deque<Absence> absent_;  // the oldest first; void where the slot's `left` is another
  std::uint64_t departures_ = 0;
};

}  // namespace discovery::balance
