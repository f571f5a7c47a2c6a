#include "daemon/config/files.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "lib/base/strings.h"
#include "lib/hcl/hcl.h"

namespace discovery::config {
namespace {

namespace fs = std::filesystem;

/// The system's text for an error as Go spells it.
std::string text_of(const std::error_code& error) { return base::to_lower(error.message()); }

/// Nothing if the extension does not tell.
std::optional<bool> is_json(const std::string& path, std::string_view format) {
  if (format == "json" || (format.empty() && path.ends_with(".json"))) return true;
  if (format == "hcl" || (format.empty() && path.ends_with(".hcl"))) return false;
  return std::nullopt;
}

Result<ConfigFile> read_file(const std::string& path, bool as_json) {
  ConfigFile file{path, as_json, {}};
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    const std::error_code error(errno != 0 ? errno : EIO, std::generic_category());
    return Status(Code::kNotFound,
                  "config: Open failed on " + path + ". open " + path + ": " + text_of(error));
  }
  // The path may name a pipe, so that its size is known only at the end.
  constexpr std::size_t kChunk = 64 << 10;
  while (stream) {
    const std::size_t size = file.text.size();
    file.text.resize(size + kChunk);
    stream.read(file.text.data() + size, kChunk);
    file.text.resize(size + static_cast<std::size_t>(stream.gcount()));
    if (file.text.size() > hcl::kMaxInput) {
      return Status(Code::kResourceExhausted,
                    "config: " + path + " is longer than " + std::to_string(hcl::kMaxInput) + " bytes");
    }
  }
  if (stream.bad()) {
    const std::error_code error(errno != 0 ? errno : EIO, std::generic_category());
    return Status(Code::kUnavailable, "config: failed to read " + path + ": " + text_of(error));
  }
  return file;
}

/// The files that a directory holds or links to, sorted by the names they have there.
Result<std::vector<std::string>> list_directory(const std::string& path) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator at(path, error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    entries.push_back(at->path());
  }
  if (error) return Status(Code::kUnavailable, "config: Readdir failed on " + path + ". " + text_of(error));
  std::sort(entries.begin(), entries.end(),
            [](const fs::path& a, const fs::path& b) { return a.filename() < b.filename(); });
  std::vector<std::string> files;
  for (const fs::path& entry : entries) {
    const bool is_link = fs::is_symlink(fs::symlink_status(entry, error));
    const fs::path target = is_link ? fs::canonical(entry, error) : entry;
    const fs::file_status status = error ? fs::file_status() : fs::status(target, error);
    if (error) return Status(Code::kNotFound, "config: " + entry.string() + ": " + text_of(error));
    if (fs::is_regular_file(status)) files.push_back(target.string());
  }
  return files;
}

}  // namespace

Result<std::vector<ConfigFile>> read_config_files(const std::string& path, const std::string& format,
                                                  std::vector<std::string>& warnings) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (error) {
    return Status(Code::kNotFound,
                  "config: Open failed on " + path + ". open " + path + ": " + text_of(error));
  }
  std::vector<std::string> paths = {path};
  const bool is_directory = fs::is_directory(status);
  if (is_directory) {
    Result<std::vector<std::string>> listed = list_directory(path);
    if (!listed.ok()) return listed.status();
    paths = std::move(*listed);
  }
  std::vector<ConfigFile> files;
  for (const std::string& each : paths) {
    const std::optional<bool> as_json = is_json(each, format);
    if (!as_json && !is_directory) {
      return invalid_argument("file " + each +
                              " has unknown extension; must be .hcl or .json, or config format must be set");
    }
    if (!as_json) {
      warnings.push_back("skipping file " + each +
                         ", extension must be .hcl or .json, or config format must be set");
      continue;
    }
    Result<ConfigFile> file = read_file(each, *as_json);
    if (!file.ok()) return file.status();
    files.push_back(std::move(*file));
  }
  return files;
}

std::string state_of_config_files(const std::vector<std::string>& paths, const std::string& format) {
  std::string state;
  for (const std::string& path : paths) {
    std::error_code error;
    std::vector<std::string> files = {path};
    if (fs::is_directory(path, error)) {
      Result<std::vector<std::string>> listed = list_directory(path);
      files = listed.ok() ? *std::move(listed) : std::vector<std::string>();
      std::erase_if(files, [&](const std::string& file) { return !is_json(file, format); });
    }
    for (const std::string& file : files) {
      struct stat about {};
      const bool is_there = ::stat(file.c_str(), &about) == 0;
      state += file + (is_there ? "" : " is not there");
      for (const std::int64_t number :
           {static_cast<std::int64_t>(about.st_dev), static_cast<std::int64_t>(about.st_ino),
            static_cast<std::int64_t>(about.st_size), static_cast<std::int64_t>(about.st_mtim.tv_sec),
            static_cast<std::int64_t>(about.st_mtim.tv_nsec), static_cast<std::int64_t>(about.st_ctim.tv_sec),
            static_cast<std::int64_t>(about.st_ctim.tv_nsec)}) {
        state += ' ' + std::to_string(number);
      }
      state += '\n';
    }
  }
  return state;
}

}  // namespace discovery::config
