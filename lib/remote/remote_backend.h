#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <discovery/status.h>

#include "lib/env/env.h"
#include "lib/model/backend.h"
#include "lib/remote/options.h"

namespace discovery::remote {

class Link;

/// How a backend's connections stand.
struct LinkFacts {
  bool up = true;
  std::size_t idle_connections = 0;
  std::size_t waiting = 0;    ///< blocking queries that are with the agent
  std::size_t questions = 0;  ///< that are watched
};

/// A Backend that asks another agent over HTTP: a discoveryd or a Consul from 1.10 on.
///
/// Watches of the same question share one blocking query. When the agent cannot be reached, each of them is
/// told so once, and shown what was seen last, as not live; with Options::cache_dir that is kept over a
/// restart. When the agent is back they are shown a live answer, also if nothing has changed. An index that
/// falls begins a new epoch.
///
/// What cannot be done over HTTP gives kInvalidArgument: FindServiceByAddress, ReapTombstonesCommand, keys
/// with empty parts or dots between their slashes, which agents clean away, and the like. Outcome::index is
/// 0, as the API does not tell it, but for transactions that have written a key or record, and for keys that
/// are set (a transaction of one operation, up to 256 KiB). A read that was sent in vain gives kUnavailable
/// or kDeadlineExceeded, a write kUnknownOutcome.
///
/// Threads: apply(), query() and watch() any, as model::Backend says; the rest the loop's. It must end on the
/// loop, before its env, outside of its own callbacks; calls under way end with kCancelled. Blocks: only to
/// read certificates at the start, and to write a few files at the end.
class RemoteBackend final : public model::Backend {
 public:
  /// kInvalidArgument: an URL or a certificate cannot be used.
  static Result<std::unique_ptr<RemoteBackend>> create(env::Env& env, Options options);
  ~RemoteBackend() override;
  RemoteBackend(const RemoteBackend&) = delete;
  RemoteBackend& operator=(const RemoteBackend&) = delete;

  Async<model::Outcome> apply(model::Command command, Call call) override;
  Async<model::Answer> query(model::Query query, model::Read read) override;
  Async<model::SessionPtr> renew_session(std::string id, Call call) override;
  std::unique_ptr<model::WatchHandle> watch(model::Query query, model::Read read, model::Sink& sink) override;

  LinkFacts facts() const;
  /// For a RemoteAgent beside it, which shares its connections.
  Link& link() noexcept;

 private:
  class Impl;
  class Watch;
  explicit RemoteBackend(std::shared_ptr<Impl> impl);
  /// An operation that runs `work(Impl&, callback)` on the loop.
  template <class T, class Work>
  Async<T> on_loop(Work work);
  std::shared_ptr<Impl> impl_;
};

}  // namespace discovery::remote
