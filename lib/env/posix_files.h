#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/env/env.h"

namespace discovery::env {

/// The files of the real world (POSIX.1-2017). Threads: safe, as long as no two write the same file.
class PosixFiles final : public Files {
 public:
  Result<std::string> read(const std::string& path, std::size_t limit) override;
  /// The temporary file is `path` with kTemporarySuffix; its mode is 0600. After an error the old content
  /// counts, unless the message says that the new one may be lost at a crash.
  Status replace(const std::string& path, std::string_view content) override;
  Status remove(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove_leftovers(const std::string& directory) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  /// The mode of what it makes is 0700.
  Status make_directory(const std::string& path) override;
  Result<std::shared_ptr<void>> lock_directory(const std::string& path) override;

  static constexpr std::string_view kTemporarySuffix = ".tmp";
};

}  // namespace discovery::env
