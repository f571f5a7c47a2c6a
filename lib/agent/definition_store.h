#pragma once

/// \file
/// The agent's registered services and checks on disk, in the files and the form of Consul's agent:
/// `services/`, `checks/` and `checks/state/` below the data directory, a JSON file each, named by the
/// SHA-256 of its id. A file is replaced whole or not at all, so a crash at any moment leaves a directory
/// that starts.

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/async.h>
#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/env/env.h"
#include "lib/model/check_spec.h"
#include "lib/model/records.h"

namespace discovery::agent {

/// A service as it was kept.
struct StoredService {
  model::ServiceInstance service;
  std::string token;
};

/// A check as it was kept: how it is shown, and what it does.
struct StoredCheck {
  model::HealthCheck record;
  std::optional<model::CheckSpec> spec;  ///< nothing for those of maintenance
  std::string token;
};

/// What a TTL check last said.
struct StoredState {
  std::string check_id;
  std::string status;
  std::string output;
  std::chrono::system_clock::time_point expires;  ///< then it means nothing any more
};

/// Writes happen in order, off the loop, many together where they are asked for faster than the disk takes
/// them; of several for one file that have not begun only the last is done.
///
/// Threads: one, the loop of `env`. Blocks: load(), and the destructor, which writes what is left.
class DefinitionStore {
 public:
  using Flushed = UniqueFunction<void(Status)>;

  /// How many files may wait to be written; over it full() says so.
  static constexpr std::size_t kMaxWaiting = 65536;
  static constexpr std::size_t kMaxFile = 4U << 20;

  /// `env` must outlive it.
  DefinitionStore(env::Env& env, const std::string& data_dir);
  ~DefinitionStore();
  DefinitionStore(const DefinitionStore&) = delete;
  DefinitionStore& operator=(const DefinitionStore&) = delete;

  struct Content {
    std::vector<StoredService> services;
    std::vector<StoredCheck> checks;
    std::vector<StoredState> states;
    std::vector<std::string> problems;  ///< for the log: what could not be read, and where it is now
  };
  /// Reads everything and makes the directories where they are missing. A file that makes no sense is put
  /// aside under another name. kUnavailable, kPermissionDenied if the directories cannot be used.
  Result<Content> load();

  /// \name What is to be kept, and what no longer
  /// These return at once; flush() tells when it is done.
  /// @{
  void put(const StoredService& service);
  void put(const StoredCheck& check);
  void put(const StoredState& state);
  void erase_service(std::string_view id);
  /// The check and its state.
  void erase_check(std::string_view id);
  /// @}

  bool full() const noexcept { return waiting_.size() >= kMaxWaiting; }
  bool idle() const noexcept { return waiting_.empty() && !batch_; }
  /// Calls `done` once all that was asked for before is on the disk, with the first failure among what was
  /// written last.
  void flush(Flushed done);

 private:
  /// A file with its new content; nothing: it goes.
  struct Write {
    std::string path;
    std::optional<std::string> content;
  };
  struct Batch {
    std::vector<Write> writes;
    std::vector<Flushed> flushed;
    std::vector<Status> failures;
    bool done = false;
  };

  void enqueue(std::string path, std::optional<std::string> content);
  void start_batch();
  void finish_later();
  void finish_batch();
  static void carry_out(env::Files& files, Batch& batch);
  std::string path_of(const char* directory, std::string_view id) const;
  template <class Kept>
  Status load_directory(const char* directory, std::vector<Kept>& kept, std::vector<std::string>& problems);
  void put_aside(const std::string& path, const std::string& content, const Status& why,
                 std::vector<std::string>& problems);

  env::Env& env_;
  const std::string data_dir_;
  std::set<std::string> present_;  // paths that are there, or will be
  std::vector<Write> waiting_;
  std::map<std::string, std::size_t> index_;  // path -> place of its write in waiting_
  std::vector<Flushed> flushed_;              // after what waits
  std::shared_ptr<Batch> batch_;              // under way
  std::unique_ptr<env::Workers> workers_;
};

}  // namespace discovery::agent
