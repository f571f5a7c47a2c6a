#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include <discovery/types.h>

#include "lib/base/ref.h"

namespace discovery::model {

/// One key of the KV store: immutable, counted, and one allocation together with its key and value, since
/// there are millions of them. Threads: safe, as all immutable things.
class KvEntry {
 public:
  /// What an entry holds beside its key and value.
  struct Attributes {
    std::uint64_t flags = 0;
    Index lock_index = 0;
    Index create_index = 0;
    Index modify_index = 0;
    std::string_view session{};  ///< the holder of the lock, or empty
  };

  /// Makes an entry with a count of one. Key and value are copied; at most 4 GiB each.
  static base::Ref<const KvEntry> make(std::string_view key, std::string_view value,
                                       const Attributes& attributes);

  std::string_view key() const noexcept { return {tail(), key_size_}; }
  std::string_view value() const noexcept { return {tail() + key_size_, value_size_}; }
  std::string_view session() const noexcept { return {tail() + key_size_ + value_size_, session_size_}; }
  std::uint64_t flags() const noexcept { return flags_; }
  Index lock_index() const noexcept { return lock_index_; }
  Index create_index() const noexcept { return create_index_; }
  Index modify_index() const noexcept { return modify_index_; }

  void retain() const noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() const noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(this);
  }

 private:
  KvEntry() = default;
  ~KvEntry() = default;
  static void destroy(const KvEntry* entry) noexcept;
  const char* tail() const noexcept { return reinterpret_cast<const char*>(this + 1); }

  mutable std::atomic<std::uint32_t> references_{1};
  std::uint32_t key_size_ = 0;
  std::uint32_t value_size_ = 0;
  std::uint32_t session_size_ = 0;
  std::uint64_t flags_ = 0;
  Index lock_index_ = 0;
  Index create_index_ = 0;
  Index modify_index_ = 0;
};

using KvEntryRef = base::Ref<const KvEntry>;

}  // namespace discovery::model
