#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include <discovery/async.h>
#include <discovery/types.h>

#include "lib/env/env.h"
#include "lib/remote/options.h"

namespace discovery::remote {

/// An answer as it came, to be shown when the agent cannot be asked.
struct KeptAnswer {
  std::chrono::system_clock::time_point at{};  ///< when it came
  Index index = 0;                             ///< 0: none was given
  int status = 200;
  std::shared_ptr<const std::string> body{};
};

/// \name The text of a file
/// One line with the format's version and the SHA-256 digest of the rest, one line of JSON with the question
/// and what is known of the answer, and the body as it came.
/// @{
std::string encode_kept(std::string_view question, const KeptAnswer& answer);
/// kDataLoss: it is damaged, of another version, or the answer to another question. Pure.
Result<KeptAnswer> decode_kept(std::string_view question, std::string_view text);
/// @}

/// The latest answer of each question, in files of one directory. Writing waits for kDelay, so that only the
/// latest of many answers is written; both reading and writing happen off the loop.
///
/// Threads: the loop's. Blocks: only when it is made, and when it goes.
class AnswerFiles {
 public:
  using Loaded = UniqueFunction<void(Result<KeptAnswer>)>;

  static constexpr Duration kDelay = std::chrono::seconds(1);
  /// So many answers that wait for their time are still written when it goes.
  static constexpr std::size_t kLastWrites = 32;

  /// Makes the directory; what is wrong with it is logged, and then nothing is kept.
  AnswerFiles(env::Env& env, std::string directory, const Limits& limits);
  ~AnswerFiles();
  AnswerFiles(const AnswerFiles&) = delete;
  AnswerFiles& operator=(const AnswerFiles&) = delete;

  /// Keeps the answer instead of the one before. One that is too long is not kept, and none then.
  void keep(const std::string& question, KeptAnswer answer);
  /// Calls `done`, never inside this call, with what was kept. kNotFound, kDataLoss. Not called any more once
  /// this is gone.
  void load(const std::string& question, Loaded done);

 private:
  struct Job;

  std::string path_of(const std::string& name) const { return directory_ + "/" + name; }
  void remember(const std::string& name);
  void arm();
  void write();
  void log(Level level, const std::string& text) { env_.log().write(level, "remote", text); }

  env::Env& env_;
  const std::string directory_;
  const Limits limits_;
  bool usable_ = false;
  std::set<std::string> names_;                // of the files that are there
  std::map<std::string, std::uint64_t> used_;  // those of this process, by when they were used last
  std::uint64_t uses_ = 0;
  std::map<std::string, KeptAnswer> dirty_;  // by question
  std::map<std::string, KeptAnswer> being_written_;
  std::set<std::string> doomed_;  // names of files to be removed
  bool writing_ = false;
  bool complained_ = false;
  std::unique_ptr<env::Timer> timer_;
  std::unique_ptr<env::Workers> workers_;
};

}  // namespace discovery::remote
