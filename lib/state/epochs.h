#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace discovery::state {

/// Which versions are being read: the answer to "when may the writer free what a commit took out?".
///
/// A reader writes the current version's number into a slot of its own and looks again; if the number has not
/// moved, the writer is bound to see the slot (epoch-based reclamation, Fraser 2004). Readers take no lock
/// and never wait for the writer; the writer never waits for readers, it only keeps garbage longer.
/// (std::atomic<std::shared_ptr> of libstdc++ 12 takes a lock and is not clean under ThreadSanitizer.)
class Epochs {
 public:
  /// A reader's hold on a version and all later ones. Move-only; letting go is one store.
  class Pin {
   public:
    Pin() noexcept = default;
    Pin(Pin&& other) noexcept : slot_(other.slot_) { other.slot_ = nullptr; }
    Pin& operator=(Pin&& other) noexcept {
      std::swap(slot_, other.slot_);
      return *this;
    }
    ~Pin() {
      if (slot_ != nullptr) slot_->store(kIdle, std::memory_order_release);
    }

   private:
    friend class Epochs;
    explicit Pin(std::atomic<std::uint64_t>* slot) noexcept : slot_(slot) {}
    std::atomic<std::uint64_t>* slot_ = nullptr;
  };

  Epochs() = default;
  ~Epochs();
  Epochs(const Epochs&) = delete;
  Epochs& operator=(const Epochs&) = delete;

  /// Holds the current version. Threads: any. Lock-free; allocates only when more readers than ever are at
  /// work.
  Pin pin();
  /// Moves on to the next version, after it can be found by readers. Threads: the writer's.
  void advance() noexcept { current_.fetch_add(1, std::memory_order_seq_cst); }
  std::uint64_t current() const noexcept { return current_.load(std::memory_order_seq_cst); }
  /// The oldest version that a reader may hold; garbage of versions before it may be freed. Threads: the
  /// writer's.
  std::uint64_t oldest() const noexcept;

 private:
  static constexpr std::uint64_t kIdle = ~std::uint64_t{0};
  static constexpr std::size_t kSlotsPerBlock = 32;
  struct alignas(64) Slot {
    std::atomic<std::uint64_t> version{kIdle};
  };
  struct Block {
    std::array<Slot, kSlotsPerBlock> slots;
    std::atomic<Block*> next{nullptr};
  };

  std::atomic<std::uint64_t>& claim();

  alignas(64) std::atomic<std::uint64_t> current_{1};
  Block first_;
};

}  // namespace discovery::state
