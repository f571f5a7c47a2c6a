#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/dns/encoded_answer.h"
#include "lib/model/answer.h"

namespace discovery::dns {

/// Encoded answers by question, each as long as nothing that it was made from has changed. Bounded in entries
/// and bytes; when it is full, those go that were not asked for since it was last swept (the clock
/// algorithm), so that a flood of new names does not push out the busy ones. It begins small, and grows with
/// what it holds. find() does not allocate.
/// Threads: one at a time.
class AnswerCache {
 public:
  struct Limits {
    std::size_t entries = 8192;          ///< rounded up to a power of two
    std::size_t bytes = 64U << 20;       ///< of all entries
    std::size_t entry_bytes = 4U << 20;  ///< of one; larger ones are not kept
  };

  /// An answer and the results that it was made from.
  struct Entry {
    std::string key;
    EncodedAnswer answer;
    std::vector<std::shared_ptr<const model::SharedAnswer>> sources;

    bool is_superseded() const noexcept {
      for (const auto& source : sources) {
        if (source->superseded()) return true;
      }
      return false;
    }
  };

  explicit AnswerCache(const Limits& limits);

  /// The answer, or null. Valid until the next insert() or clear().
  EncodedAnswer* find(std::string_view key);
  void insert(std::unique_ptr<Entry> entry);
  void clear();

  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return size_; }

 private:
  static constexpr std::size_t kWays = 8;
  static constexpr std::size_t kFirstSets = 8;

  struct Slot {
    std::uint64_t hash = 0;
    std::unique_ptr<Entry> entry;
    std::size_t bytes = 0;
    bool used = false;  ///< found since the hand last passed
  };

  Slot* set_of(std::uint64_t hash) { return &slots_[(hash & set_mask_) * kWays]; }
  void drop(Slot& slot);
  void grow();
  Slot* free_in(Slot* set);
  Slot& room_for(std::uint64_t hash);
  void sweep(std::size_t limit);

  Limits limits_;
  const std::size_t max_sets_;
  std::vector<Slot> slots_;
  std::size_t set_mask_ = 0;
  std::size_t hand_ = 0;
  std::size_t bytes_ = 0;
  std::size_t size_ = 0;
};

}  // namespace discovery::dns
