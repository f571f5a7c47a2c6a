#pragma once

#include <string>
#include <utility>

#include <discovery/status.h>

namespace discovery {

/// A file that holds the process's number as long as this object lives.
class PidFile {
 public:
  /// An empty path means none. kPermissionDenied or kUnavailable if it cannot be written; the message names
  /// it.
  static Result<PidFile> create(std::string path);
  PidFile(PidFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  PidFile& operator=(PidFile&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~PidFile();

 private:
  explicit PidFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace discovery
