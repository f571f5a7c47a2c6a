#pragma once

/// \file
/// The agent's registered services and checks on disk, in the files and the form of Consul's agent:
/// `services/`, `checks/` and `checks/state/` below the data directory, a JSON file each, named by the
/// SHA-256 of its id. A file is replaced whole or not at all, so a crash at any moment leaves a directory
/// that starts.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <discovery/async.h>
#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/agent/stored_definition.h"
#include "lib/env/env.h"

namespace discovery::agent {

/// Keeps changes, each of one or more files: all of a change or nothing, as long as the machine stays up.
/// After a crash some files of a change that nobody was told of may be there. Changes happen in order, off
/// the loop, many together where they are asked for faster than the disk takes them.
///
/// A change that cannot be written is taken back, and with it all later ones that have to do with the same
/// services and checks and have not been told of; then `reverted` hears what the disk has instead. What was
/// to be removed and could not be stays removed here; its file is tried again until it is gone.
///
/// Threads: one, the loop of `env`. Blocks: load(), the destructor, which writes what is left, and on the
/// loop what a failed change makes it read.
class DefinitionStore {
 public:
  /// Tells how a change ended.
  using Committed = UniqueFunction<void(const Status&)>;
  /// What the disk has of services and checks whose change failed.
  struct Reverted {
    std::vector<StoredService> services;
    std::vector<StoredCheck> checks;
    std::vector<std::string> missing_services;
    std::vector<std::string> missing_checks;
  };

  /// How many changes may wait to be written; over it full() says so.
  static constexpr std::size_t kMaxWaiting = 65536;
  static constexpr std::size_t kMaxFile = 4U << 20;
  /// What could not be removed is tried again after this.
  static constexpr Duration kRepairPause = std::chrono::seconds(15);

  /// `env` must outlive it. `reverted` is called from the loop; it must ask for no change.
  DefinitionStore(env::Env& env, const std::string& data_dir, UniqueFunction<void(Reverted)> reverted);
  ~DefinitionStore();
  DefinitionStore(const DefinitionStore&) = delete;
  DefinitionStore& operator=(const DefinitionStore&) = delete;

  struct Content {
    std::vector<StoredService> services;
    std::vector<StoredCheck> checks;
    std::vector<StoredState> states;
    std::vector<std::string> problems;  ///< for the log: what could not be read, and where it is now
  };
  /// Reads everything, makes the directories where they are missing, and removes what a crash has left of
  /// files that were being written. A file that makes no sense is put aside under another name.
  /// kUnavailable, kPermissionDenied if the directories cannot be used.
  Result<Content> load();

  /// \name What belongs to the next change
  /// @{
  void put(const StoredService& service);
  void put(const StoredCheck& check);
  void erase_service(std::string_view id);
  /// The check and its state; `service_id` is whose it is, or empty.
  void erase_check(std::string_view id, std::string_view service_id);
  void erase_state(std::string_view check_id);
  /// The change has to do with this service as well, or (empty) with the node.
  void relate(std::string_view service_id);
  /// @}
  /// Ends the change. `done` (it may be null) is called once it is on the disk, or has failed; of a change of
  /// nothing, once all before it are.
  void commit(Committed done);
  /// Keeps a state, a change of its own. It is never taken back.
  void keep(const StoredState& state, Committed done);

  bool full() const noexcept { return waiting_.size() >= kMaxWaiting; }
  bool idle() const noexcept { return waiting_.empty() && !batch_; }

 private:
  enum class Kind : std::uint8_t { kService, kCheck, kState };
  /// A file with its new content; nothing: it goes.
  struct Write {
    Kind kind = Kind::kService;
    std::string id;
    std::string path;
    std::optional<std::string> content;
    bool existed = false;  ///< before the change
    /// What it should have had before, if an earlier change could not be taken back.
    std::optional<std::optional<std::string>> intended{};
  };
  /// What a failed change leaves on the disk under the name of one of its writes.
  struct Former {
    Kind kind = Kind::kService;
    std::string id;
    std::string path;
    std::optional<Result<std::string>> text;
  };
  enum class Nature : std::uint8_t { kChange, kState, kRepair };
  struct Change {
    Nature nature = Nature::kChange;
    std::vector<Write> writes;
    std::set<std::string> concerns;  // keys of services and checks
    std::vector<Committed> done;
    Status status;
    bool failed = false;            // nothing of it is on the disk
    std::vector<Former> formers;    // if it has failed
    std::vector<Write> unrepaired;  // what is otherwise on the disk than it should be
  };
  using Changes = std::vector<std::unique_ptr<Change>>;
  /// The services and checks of changes that have failed, and why.
  struct Failed {
    std::set<std::string> keys;
    Status why;
  };
  struct Batch {
    Changes changes;
    Failed failed;
    bool done = false;
  };

  static Former former_of(env::Files& files, const Write& write);
  void add(Kind kind, std::string_view id, std::optional<std::string> content);
  void enqueue(std::unique_ptr<Change> change);
  void start_batch();
  void finish_later();
  void finish_batch();
  /// Brings what is known here in line with how the batch ended.
  void settle(Batch& batch);
  /// Fails what waits and has to do with what has failed.
  void fail_waiting(Batch& batch);
  void revert(const Batch& batch);
  void plan_repair(Write write);
  void repair();
  void take_repairs(Change& change);
  /// Leaves a repair to the next change of the same file, if there is one.
  static bool hand_over(const Write& repair, std::span<const std::unique_ptr<Change>> later);
  static void carry_out(env::Files& files, Batch& batch);
  static void write(env::Files& files, Change& change);
  static void undo(env::Files& files, Change& change, std::vector<Former>& before);
  static void fail(env::Files& files, Change& change, Failed& failed);
  static bool is_doomed(const Change& change, const Failed& failed);
  std::string path_of(Kind kind, std::string_view id) const;
  template <class Kept>
  Status load_directory(Kind kind, std::vector<Kept>& kept, std::vector<std::string>& problems);
  std::string put_aside(const std::string& path, const Status& why);

  env::Env& env_;
  const std::string data_dir_;
  UniqueFunction<void(Reverted)> reverted_;
  std::set<std::string> present_;  // paths that are there, or will be
  std::unique_ptr<Change> open_;
  Changes waiting_;
  std::map<std::string, Change*> waiting_states_;  // by their paths
  std::map<std::string, Write> repairs_;           // by their paths
  std::unique_ptr<env::Timer> repair_timer_;
  std::shared_ptr<Batch> batch_;  // under way
  std::unique_ptr<env::Workers> workers_;
};

}  // namespace discovery::agent
