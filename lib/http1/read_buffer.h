#pragma once

#include <cassert>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace discovery::http1 {

/// Memory of the first size of ReadBuffer, handed round among the connections of one server.
class BufferPool {
 public:
  static constexpr std::size_t kSize = 4096;
  static constexpr std::size_t kKept = 256;

  std::unique_ptr<char[]> take() {
    if (free_.empty()) return std::unique_ptr<char[]>(new char[kSize]);
    auto memory = std::move(free_.back());
    free_.pop_back();
    return memory;
  }
  void give_back(std::unique_ptr<char[]> memory) {
    if (free_.size() < kKept) free_.push_back(std::move(memory));
  }

 private:
  std::vector<std::unique_ptr<char[]>> free_;
};

/// Bytes that were received and not yet consumed: one contiguous piece, without memory while it is empty and
/// released. What it was given stays where it is until reserve(), shrink() or release().
class ReadBuffer {
 public:
  ReadBuffer() noexcept = default;
  ReadBuffer(const ReadBuffer&) = delete;
  ReadBuffer& operator=(const ReadBuffer&) = delete;

  std::string_view data() const noexcept { return {memory_.get() + begin_, end_ - begin_}; }
  std::size_t size() const noexcept { return end_ - begin_; }
  bool empty() const noexcept { return begin_ == end_; }
  std::size_t capacity() const noexcept { return capacity_; }
  /// Where the next bytes go. Empty if it is full or released.
  std::span<char> space() const noexcept { return {memory_.get() + end_, capacity_ - end_}; }
  void added(std::size_t count) noexcept {
    assert(count <= capacity_ - end_);
    end_ += count;
  }
  void consume(std::size_t count) noexcept {
    assert(count <= size());
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  /// Keeps the first `count` bytes only.
  void truncate(std::size_t count) noexcept { end_ = begin_ + count; }

  /// Makes room for `count` more bytes; may move what is there.
  void reserve(std::size_t count, BufferPool& pool) {
    if (capacity_ - end_ >= count) return;
    if (capacity_ - size() >= count && capacity_ != 0) {
      std::memmove(memory_.get(), memory_.get() + begin_, size());
    } else {
      const std::size_t wanted =
          size() + count <= BufferPool::kSize ? BufferPool::kSize : 2 * (size() + count);
      auto larger = wanted == BufferPool::kSize ? pool.take() : std::unique_ptr<char[]>(new char[wanted]);
      if (size() > 0) std::memcpy(larger.get(), memory_.get() + begin_, size());
      std::swap(memory_, larger);
      if (capacity_ == BufferPool::kSize) pool.give_back(std::move(larger));
      capacity_ = wanted;
    }
    end_ -= begin_;
    begin_ = 0;
  }
  /// Gives memory away that it does not need for what it holds.
  void shrink(BufferPool& pool) {
    if (capacity_ <= BufferPool::kSize || size() > BufferPool::kSize) return;
    auto smaller = pool.take();
    if (size() > 0) std::memcpy(smaller.get(), memory_.get() + begin_, size());
    memory_ = std::move(smaller);
    capacity_ = BufferPool::kSize;
    end_ -= begin_;
    begin_ = 0;
  }
  /// Gives the memory away. What it still held is lost.
  void release(BufferPool& pool) {
    if (capacity_ == BufferPool::kSize) pool.give_back(std::move(memory_));
    memory_.reset();
    capacity_ = begin_ = end_ = 0;
  }

 private:
  std::unique_ptr<char[]> memory_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace discovery::http1
