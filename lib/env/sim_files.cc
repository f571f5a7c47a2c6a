#include "lib/env/sim_files.h"

#include <numeric>

namespace discovery::env {
namespace {

constexpr std::string_view kTemporarySuffix = ".tmp";
/// Creating a file, writing it, syncing it, renaming it, syncing its directory.
constexpr std::uint64_t kReplaceSteps = 5;
/// Changing a name, syncing its directory.
constexpr std::uint64_t kNameSteps = 2;

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
  if (!powered_) return powerless(path);
  if (happens(faults_.fail_read, path))
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
  if (!powered_) return powerless(path);
  if (!directory.empty() && !directories_.contains(directory)) return missing(directory);
  if (happens(faults_.fail_write, path))
    return {Code::kUnavailable, "cannot write " + path + ": input/output error"};
  const std::size_t others =
      std::accumulate(visible_.begin(), visible_.end(), std::size_t{0},
                      [&](std::size_t sum, const auto& file) { return sum + file.second.size(); });
  if (others > faults_.capacity || content.size() > faults_.capacity - others) {
    return {Code::kResourceExhausted, "cannot write " + path + ": no space left on device"};
  }
  const std::uint64_t done = take_steps(kReplaceSteps);
  if (!powered_) {
    lose_power_in_replace(done, path, content);
    return powerless(path);
  }
  visible_[path] = content;
  if (happens(faults_.lose_at_crash, path)) return not_synced(path);
  durable_[path] = content;
  return {};
}

void SimFiles::lose_power_in_replace(std::uint64_t done, const std::string& path, std::string_view content) {
  const bool renamed = done == kReplaceSteps || (done == kReplaceSteps - 1 && happens(0.5));
  if (renamed) {
    durable_[path] = content;
    return;
  }
  const bool created = done > 0 && happens(0.5);
  if (!created) return;
  // Until it is synced, any part of the new file may be on the disk.
  const std::size_t written = done < 2 ? 0 : done == 2 ? random_.below(content.size() + 1) : content.size();
  durable_[path + std::string(kTemporarySuffix)] = content.substr(0, written);
}

Status SimFiles::remove(const std::string& path) {
  if (!powered_) return powerless(path);
  if (!visible_.contains(path)) return missing(path);
  if (happens(faults_.fail_write, path))
    return {Code::kUnavailable, "cannot remove " + path + ": input/output error"};
  const std::uint64_t done = take_steps(kNameSteps);
  if (!powered_) {
    if (done == kNameSteps || (done > 0 && happens(0.5))) durable_.erase(path);
    return powerless(path);
  }
  visible_.erase(path);
  if (happens(faults_.lose_at_crash, path)) return not_synced(path);
  durable_.erase(path);
  return {};
}

Status SimFiles::rename(const std::string& from, const std::string& to) {
  if (!powered_) return powerless(from);
  const auto found = visible_.find(from);
  if (found == visible_.end()) return missing(from);
  if (happens(faults_.fail_write, from))
    return {Code::kUnavailable, "cannot rename " + from + ": input/output error"};
  const std::uint64_t done = take_steps(kNameSteps);
  const auto move_to = [&](Contents& contents) {
    contents[to] = found->second;
    contents.erase(from);
  };
  if (!powered_) {
    if (done == kNameSteps || (done > 0 && happens(0.5))) move_to(durable_);
    return powerless(from);
  }
  const bool synced = !happens(faults_.lose_at_crash, from);
  if (synced) move_to(durable_);
  visible_[to] = std::string(found->second);
  visible_.erase(from);
  return synced ? Status() : not_synced(to);
}

Status SimFiles::remove_leftovers(const std::string& path) {
  if (!powered_) return powerless(path);
  const std::string directory = without_trailing_slash(path);
  if (!directories_.contains(directory)) return missing(directory);
  for (Contents* contents : {&visible_, &durable_}) {
    std::erase_if(*contents, [&](const auto& file) {
      return directory_of(file.first) == directory &&
             std::string_view(file.first).ends_with(kTemporarySuffix);
    });
  }
  return {};
}

Result<std::vector<std::string>> SimFiles::list(const std::string& path) {
  if (!powered_) return powerless(path);
  const std::string directory = without_trailing_slash(path);
  if (!directories_.contains(directory)) return missing(directory);
  std::vector<std::string> names;
  for (const auto& [file, content] : visible_) {
    const bool leftover = std::string_view(file).ends_with(kTemporarySuffix);
    if (directory_of(file) == directory && !leftover) names.push_back(file.substr(file.rfind('/') + 1));
  }
  return names;
}

Status SimFiles::make_directory(const std::string& path) {
  if (!powered_) return powerless(path);
  for (std::string part = without_trailing_slash(path); !part.empty() && part != "/";
       part = directory_of(part)) {
    directories_.insert(part);
  }
  return {};
}

Result<std::shared_ptr<void>> SimFiles::lock_directory(const std::string& path) {
  if (!powered_) return powerless(path);
  const std::string directory = without_trailing_slash(path);
  if (!directories_.contains(directory)) return Status(Code::kNotFound, "no such directory: " + path);
  if (!locks_[directory].expired())
    return Status(Code::kUnavailable, "the directory " + path + " is in use by another agent");
  std::shared_ptr<void> lock = std::make_shared<int>(0);
  locks_[directory] = lock;
  return lock;
}

void SimFiles::crash() {
  visible_ = durable_;
  locks_.clear();
  powered_ = false;
}

void SimFiles::restart() {
  powered_ = true;
  steps_left_.reset();
}

std::uint64_t SimFiles::take_steps(std::uint64_t steps) {
  if (!steps_left_) return steps;
  if (*steps_left_ > steps) {
    *steps_left_ -= steps;
    return steps;
  }
  powered_ = false;
  return *steps_left_;
}

bool SimFiles::happens(double probability, const std::string& path) {
  return path.find(faults_.only) != std::string::npos && happens(probability);
}

bool SimFiles::happens(double probability) {
  return probability > 0 && static_cast<double>(random_.next() >> 11) * 0x1p-53 < probability;
}

Status SimFiles::powerless(const std::string& path) const {
  return {Code::kUnavailable, path + ": the machine has no power"};
}

Status SimFiles::not_synced(const std::string& path) const {
  return {Code::kUnavailable, path + " was changed, but a crash may undo it: input/output error"};
}

}  // namespace discovery::env
