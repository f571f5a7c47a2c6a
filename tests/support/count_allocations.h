#pragma once

// Counts what each thread allocates. Include it in one file of a test program: it replaces the whole
// program's operator new. What is replaced cannot be checked by a sanitizer, so that this holds in plain
// builds only, where DISCOVERY_COUNT_ALLOCATIONS is defined.

#include <malloc.h>

#include <cstddef>
#include <cstdlib>
#include <new>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define DISCOVERY_COUNT_ALLOCATIONS
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#undef DISCOVERY_COUNT_ALLOCATIONS
#endif
#endif

#ifdef DISCOVERY_COUNT_ALLOCATIONS

namespace {

struct Count {
  std::size_t allocations = 0;
  std::ptrdiff_t bytes = 0;  // that are held
};
thread_local Count count;

void* counted(std::size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  ++count.allocations;
  count.bytes += static_cast<std::ptrdiff_t>(malloc_usable_size(memory));
  return memory;
}

void uncounted(void* memory) noexcept {
  if (memory == nullptr) return;
  count.bytes -= static_cast<std::ptrdiff_t>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void operator delete(void* memory) noexcept { uncounted(memory); }
void operator delete[](void* memory) noexcept { uncounted(memory); }
void operator delete(void* memory, std::size_t) noexcept { uncounted(memory); }
void operator delete[](void* memory, std::size_t) noexcept { uncounted(memory); }

#endif
