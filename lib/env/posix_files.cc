#include "lib/env/posix_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "lib/env/posix_error.h"
#include "lib/env/unique_fd.h"

namespace discovery::env {
namespace {

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// Makes the names in the directory of `path` as durable as what they name.
Status sync_directory_of(const std::string& path) {
  const std::string directory = directory_of(path);
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0)
    return posix_error("cannot sync the directory " + directory, errno);
  return {};
}

/// The names of the regular files in a directory, in no order.
Result<std::vector<std::string>> regular_files(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
  if (stream == nullptr) return posix_error("cannot list " + directory, errno);
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry =
        ::readdir(stream.get());  // NOLINT(concurrency-mt-unsafe): nobody else has the stream
    if (entry == nullptr) break;
    struct stat about {};
    if (::fstatat(::dirfd(stream.get()), entry->d_name, &about, 0) == 0 && S_ISREG(about.st_mode)) {
      names.emplace_back(entry->d_name);
    }
  }
  if (errno != 0) return posix_error("cannot list " + directory, errno);
  return names;
}

/// Writes and syncs a new file. What is left of it after an error is the caller's to remove.
Status write_synced(const std::string& path, std::string_view content) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return posix_error("cannot create " + path, errno);
  while (!content.empty()) {
    const ssize_t written = ::write(fd.get(), content.data(), content.size());
    if (written < 0 && errno != EINTR) return posix_error("cannot write " + path, errno);
    if (written > 0) content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(fd.get()) != 0) return posix_error("cannot sync " + path, errno);
  if (::close(fd.release()) != 0) return posix_error("cannot close " + path, errno);
  return {};
}

}  // namespace

Result<std::string> PosixFiles::read(const std::string& path, std::size_t limit) {
  // Non-blocking, so that a FIFO in the place of a file does not hang the caller.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return posix_error("cannot open " + path, errno);
  struct stat about {};
  if (::fstat(fd.get(), &about) != 0) return posix_error("cannot read " + path, errno);
  if (S_ISDIR(about.st_mode)) return posix_error("cannot read " + path, EISDIR);
  const auto too_large = [&] {
    return Status(Code::kResourceExhausted, path + " is larger than " + std::to_string(limit) + " bytes");
  };
  const auto size = static_cast<std::size_t>(std::max<off_t>(about.st_size, 0));
  if (size > limit) return too_large();
  std::string content;
  std::size_t used = 0;
  while (true) {
    // One byte more than is expected, so that the usual file ends with one read more.
    content.resize(std::max(used + 4096, size + 1));
    const ssize_t got = ::read(fd.get(), content.data() + used, content.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return posix_error("cannot read " + path, errno);
    used += static_cast<std::size_t>(got);
    if (used > limit) return too_large();
    if (got == 0) break;
  }
  content.resize(used);
  return content;
}

Status PosixFiles::replace(const std::string& path, std::string_view content) {
  const std::string temporary = path + std::string(kTemporarySuffix);
  if (Status written = write_synced(temporary, content); !written.ok()) {
    ::unlink(temporary.c_str());
    return written;
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return posix_error("cannot rename " + temporary + " to " + path, error);
  }
  if (Status synced = sync_directory_of(path); !synced.ok()) {
    return {synced.code(), path + " was replaced, but a crash may undo it: " + std::string(synced.message())};
  }
  return {};
}

Status PosixFiles::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return posix_error("cannot remove " + path, errno);
  return sync_directory_of(path);
}

Status PosixFiles::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return posix_error("cannot rename " + from + " to " + to, errno);
  }
  return sync_directory_of(to);
}

Status PosixFiles::remove_leftovers(const std::string& directory) {
  const auto names = regular_files(directory);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (!std::string_view(name).ends_with(kTemporarySuffix)) continue;
    const std::string path = directory + "/" + name;
    if (::unlink(path.c_str()) != 0) return posix_error("cannot remove " + path, errno);
  }
  return {};
}

Result<std::vector<std::string>> PosixFiles::list(const std::string& directory) {
  auto names = regular_files(directory);
  if (!names.ok()) return names;
  std::erase_if(*names,
                [](const std::string& name) { return std::string_view(name).ends_with(kTemporarySuffix); });
  std::sort(names->begin(), names->end());
  return names;
}

Result<std::shared_ptr<void>> PosixFiles::lock_directory(const std::string& path) {
  auto directory = std::make_shared<UniqueFd>(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory->valid()) return posix_error("cannot open the directory " + path, errno);
  if (::flock(directory->get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return Status(Code::kUnavailable,
                  "the directory " + path + " is in use by another agent; stop it, or give each its own");
  }
  return std::shared_ptr<void>(std::move(directory));
}

Status PosixFiles::make_directory(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    struct stat about {};
    if (::mkdir(part.c_str(), 0700) != 0) {
      const int error = errno;
      const bool there = error == EEXIST && ::stat(part.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
      // Above a directory that exists, mkdir may be refused for other reasons; the last part decides.
      if (!there && end == std::string::npos) {
        return posix_error("cannot make the directory " + part, error == EEXIST ? ENOTDIR : error);
      }
    } else if (Status synced = sync_directory_of(part); !synced.ok()) {
      return synced;
    }
    if (end == std::string::npos) return {};
  }
}

}  // namespace discovery::env
