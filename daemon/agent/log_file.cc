#include "daemon/agent/log_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace discovery {
namespace {

namespace fs = std::filesystem;

constexpr int kMode = 0640;
constexpr std::string_view kDefaultName = "consul";

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

LogFile::LogFile(Options options) : options_(std::move(options)) {
  std::error_code ignored;
  fs::path path = options_.path;
  if (!path.has_filename() || fs::is_directory(path, ignored)) path /= kDefaultName;
  extension_ = path.has_extension() ? path.extension().string() : ".log";
  prefix_ = (path.parent_path() / path.stem()).string() + "-";
}

Result<LogFile> LogFile::open(Options options) {
  LogFile log(std::move(options));
  log.prune();
  if (Status begun = log.begin(); !begun.ok()) return begun;
  return log;
}

Status LogFile::begin() {
  begun_ = options_.clock();
  const auto number = std::chrono::duration_cast<std::chrono::nanoseconds>(begun_.time_since_epoch()).count();
  current_ = prefix_ + std::to_string(number) + extension_;
  written_ = 0;
  const int fd = ::open(current_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kMode);
  file_.reset(fd < 0 ? nullptr : ::fdopen(fd, "w"));
  if (file_ != nullptr) return {};
  const int error = errno;
  if (fd >= 0) ::close(fd);
  return {error == EACCES ? Code::kPermissionDenied : Code::kUnavailable,
          "cannot open the log file " + current_ + ": " + std::strerror(error)};
}

void LogFile::write(std::string_view line) {
  const bool full = options_.max_bytes > 0 && written_ >= options_.max_bytes;
  if (full || options_.clock() - begun_ >= options_.max_age) {
    file_.reset();
    prune();
    (void)begin();  // tried again with the next line: then it is older still
  }
  if (file_ == nullptr) return;
  std::fwrite(line.data(), 1, line.size(), file_.get());
  std::fflush(file_.get());
  written_ += static_cast<std::int64_t>(line.size());
}

void LogFile::prune() const {
  if (options_.max_files == 0) return;
  const fs::path prefix = prefix_;
  const std::string name = prefix.filename().string();
  const fs::path directory = prefix.has_parent_path() ? prefix.parent_path() : fs::path(".");
  std::vector<fs::path> files;
  std::error_code failed;
  for (fs::directory_iterator one(directory, failed), end; !failed && one != end; one.increment(failed)) {
    const std::string file = one->path().filename().string();
    if (file.size() < name.size() + extension_.size()) continue;
    const std::string_view middle =
        std::string_view(file).substr(name.size(), file.size() - name.size() - extension_.size());
    if (file.starts_with(name) && file.ends_with(extension_) && is_number(middle)) {
      files.push_back(one->path());
    }
  }
  // Their numbers have the same length, for centuries.
  std::sort(files.begin(), files.end());
  const std::size_t kept = options_.max_files < 0 ? 0 : static_cast<std::size_t>(options_.max_files);
  for (std::size_t i = 0; i + kept < files.size(); ++i) fs::remove(files[i], failed);
}

}  // namespace discovery
