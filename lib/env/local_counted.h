#pragma once

#include <cstddef>

namespace discovery::env {

/// A count for base::Ref, of an object that one thread alone holds: `class X : public LocalCounted<X>`.
template <class Derived>
class LocalCounted {
 public:
  LocalCounted(const LocalCounted&) = delete;
  LocalCounted& operator=(const LocalCounted&) = delete;

  void retain() const noexcept { ++count_; }
  void release() const noexcept {
    if (--count_ == 0) delete static_cast<const Derived*>(this);
  }

 protected:
  LocalCounted() noexcept = default;
  ~LocalCounted() = default;

 private:
  mutable std::size_t count_ = 0;
};

}  // namespace discovery::env
