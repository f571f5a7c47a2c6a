#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <discovery/types.h>

#include "lib/env/env.h"
#include "lib/model/backend.h"
#include "lib/remote/answer_files.h"
#include "lib/remote/answers.h"
#include "lib/remote/decoding.h"
#include "lib/remote/link.h"

namespace discovery::remote {

/// Who sees the answers of a question. Threads: `sink` is guarded by `mutex`, which is held while it is
/// called.
struct Watching {
  explicit Watching(model::Sink& watcher) : sink(&watcher) {}

  std::recursive_mutex mutex;
  model::Sink* sink;  ///< null: the watch has ended
};
using WatchingPtr = std::shared_ptr<Watching>;

/// One question that is watched by any number of sinks: a blocking query that is asked again with each
/// answer's index (https://developer.hashicorp.com/consul/api-docs/features/blocking). When the agent cannot
/// be asked, what was seen last is shown once more, as not live.
///
/// Threads: the loop's. Blocks: never.
class Question final : private Link::Observer {
 public:
  /// What all questions of a backend share; outlives them.
  struct World {
    Link& link;
    Decoding& decoding;
    AnswerFiles* files;  ///< null: nothing is kept
  };

  /// `name` is what its answer is kept under. `read` says how it is asked, but for the index.
  Question(World world, std::string name, model::Query query, model::Read read);
  ~Question() override;
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  /// Begins to ask.
  void start();
  /// Shows `watching` what there is, and what comes. Not inside of Backend::watch().
  void add(const WatchingPtr& watching);
  /// Returns whether nobody watches any more.
  bool remove(const WatchingPtr& watching);
  /// What was seen last; as not live if the agent cannot be asked. None: nothing was seen.
  const std::optional<model::Answer>& latest() const noexcept { return latest_; }
  /// When the agent vouched for it last.
  std::chrono::system_clock::time_point heard_at() const noexcept { return heard_at_; }

 private:
  enum class Phase : std::uint8_t {
    kAsking,
    kDecoding,
    kPausing,       ///< until the timer fires
    kAwaitingLink,  ///< until it is known again how the agent stands
  };

  void on_up() override;
  void on_down(const Status& why) override;

  void ask();
  void pause(Duration delay);
  void on_ending(Ending ending);
  void on_decoded(const AnswerHead& head, KeptAnswer raw,
                  Result<std::shared_ptr<const model::SharedAnswer>> decoded);
  Meta place(const AnswerHead& head, const std::string& body);
  void go_on(bool fell, bool progress);
  void fail(const Status& why);
  void trouble(const Status& why);
  void show_kept();
  void show(model::Answer answer);
  template <class Tell>
  void tell(Tell tell);

  env::Env& env() const { return world_.link.env(); }
  const Limits& limits() const { return world_.link.options().limits; }
  Duration now() const { return env().clock().monotonic(); }

  const World world_;
  const std::string name_;
  const std::shared_ptr<const model::Query> query_;
  const model::Read read_;
  std::vector<WatchingPtr> watchers_;
  Phase phase_ = Phase::kPausing;
  Index wait_index_ = 0;  // what the present question waits beyond; 0: it does not wait
  Duration asked_at_{};
  Duration wait_{};
  Duration fell_at_{};  // when an index fell
  std::unique_ptr<Link::Ticket> ticket_;
  std::unique_ptr<env::Timer> timer_;
  std::unique_ptr<env::Timer> grace_;
  std::optional<model::Answer> latest_;
  std::chrono::system_clock::time_point heard_at_{};
  std::uint64_t epoch_ = 1;
  std::size_t digest_ = 0;  // of the latest body
  Status trouble_;          // ok: the agent answers
  Status lost_;             // why the latest question was not answered
  bool kept_asked_for_ = false;
  std::uint32_t failures_ = 0;  // answers in a row that were none
  std::uint32_t losses_ = 0;    // questions in a row that got no answer
  std::uint32_t stalls_ = 0;    // answers in a row that came at once and told nothing new
  std::shared_ptr<Question*> self_ = std::make_shared<Question*>(this);  // for what comes back later
};

}  // namespace discovery::remote
