#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <discovery/async.h>

#include "lib/env/env.h"
#include "lib/model/answer.h"
#include "lib/model/query.h"

namespace discovery::remote {

/// Decodes answers: short ones at once, long ones off the loop. Threads: the loop's.
class Decoding {
 public:
  using Done = UniqueFunction<void(Result<std::shared_ptr<const model::SharedAnswer>>)>;

  /// Longer bodies keep the loop for more than about 200 us.
  static constexpr std::size_t kLongBody = 32U << 10;
  /// How many long ones may be with the workers; further ones are decoded on the loop.
  static constexpr std::size_t kMaxLong = 64;

  explicit Decoding(env::Env& env) : workers_(env.make_workers(kMaxLong)) {}
  /// Ends what is under way with kCancelled. Blocks while a worker ends its work.
  ~Decoding();
  Decoding(const Decoding&) = delete;
  Decoding& operator=(const Decoding&) = delete;

  /// Calls `done` once with what decode_answer() makes of it, perhaps inside this call.
  void decode(const std::shared_ptr<const model::Query>& query, int status,
              const std::shared_ptr<const std::string>& body, Done done);

 private:
  std::map<std::uint64_t, Done> under_way_;
  std::uint64_t begun_ = 0;
  std::unique_ptr<env::Workers> workers_;
};

}  // namespace discovery::remote
