#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace discovery::env {

/// Keeps the last bytes of what is appended, at most `limit` of them, and counts all. Takes twice the limit
/// in memory, and amortised constant time for a byte. Threads: a value.
class TailBuffer {
 public:
  explicit TailBuffer(std::size_t limit) : limit_(limit) {}

  void append(std::string_view bytes) {
    total_ += bytes.size();
    if (bytes.size() >= limit_) {
      kept_.assign(bytes.substr(bytes.size() - limit_));
      return;
    }
    if (kept_.size() + bytes.size() > 2 * limit_) kept_.erase(0, kept_.size() - (limit_ - bytes.size()));
    kept_ += bytes;
  }

  std::uint64_t total() const noexcept { return total_; }
  /// What was kept; then it is empty.
  std::string take() {
    if (kept_.size() > limit_) kept_.erase(0, kept_.size() - limit_);
    return std::exchange(kept_, {});
  }

 private:
  std::size_t limit_;
  std::uint64_t total_ = 0;
  std::string kept_;
};

}  // namespace discovery::env
