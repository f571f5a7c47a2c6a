#include "lib/env/sim_files.h"

#include <numeric>

namespace discovery::env {
namespace {

Status missing(const std::string& path) { return {Code::kNotFound, path + ": no such file or directory"}; }

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {};
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string without_trailing_slash(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace

Result<std::string> SimFiles::read(const std::string& path, std::size_t limit) {
  if (happens(faults_.fail_read))
    return Status(Code::kUnavailable, "cannot read " + path + ": input/output error");
  const auto found = visible_.find(path);
  if (found == visible_.end()) return missing(path);
  if (found->second.size() > limit) {
    return Status(Code::kResourceExhausted, path + " is larger than " + std::to_string(limit) + " bytes");
  }
  return found->second;
}

Status SimFiles::replace(const std::string& path, std::string_view content) {
  const std::string directory = directory_of(path);
  if (!directory.empty() && !directories_.contains(directory)) return missing(directory);
  if (happens(faults_.fail_write))
    return {Code::kUnavailable, "cannot write " + path + ": input/output error"};
  const std::size_t others =
      std::accumulate(visible_.begin(), visible_.end(), std::size_t{0},
                      [&](std::size_t sum, const auto& file) { return sum + file.second.size(); });
  if (others > faults_.capacity || content.size() > faults_.capacity - others) {
    return {Code::kResourceExhausted, "cannot write " + path + ": no space left on device"};
  }
  visible_[path] = content;
  if (happens(faults_.lose_at_crash)) return not_synced(path);
  durable_[path] = content;
  return {};
}

Status SimFiles::remove(const std::string& path) {
  if (!visible_.contains(path)) return missing(path);
  if (happens(faults_.fail_write))
    return {Code::kUnavailable, "cannot remove " + path + ": input/output error"};
  visible_.erase(path);
  if (happens(faults_.lose_at_crash)) return not_synced(path);
  durable_.erase(path);
  return {};
}

Result<std::vector<std::string>> SimFiles::list(const std::string& path) {
  const std::string directory = without_trailing_slash(path);
  if (!directories_.contains(directory)) return missing(directory);
  std::vector<std::string> names;
  for (const auto& [file, content] : visible_) {
    if (directory_of(file) == directory) names.push_back(file.substr(file.rfind('/') + 1));
  }
  return names;
}

Status SimFiles::make_directory(const std::string& path) {
  for (std::string part = without_trailing_slash(path); !part.empty() && part != "/";
       part = directory_of(part)) {
    directories_.insert(part);
  }
  return {};
}

bool SimFiles::happens(double probability) {
  return probability > 0 && static_cast<double>(random_.next() >> 11) * 0x1p-53 < probability;
}

Status SimFiles::not_synced(const std::string& path) const {
  return {Code::kUnavailable, path + " was changed, but a crash may undo it: input/output error"};
}

}  // namespace discovery::env
