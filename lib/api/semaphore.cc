#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "lib/api/acquisition.h"
#include "lib/model/lock_layout.h"

namespace discovery::api {
namespace {

/// How a semaphore stands, as its keys say.
struct Standing {
  Index modified = 0;                 ///< of the key that says who holds it; 0: there is none
  model::SemaphoreHolders holders{};  ///< those that live: whose own key is held by their session
};

/// The keys of one semaphore.
struct Keys {
  std::string prefix;

  std::string holders() const { return prefix + "/" + std::string(model::kSemaphoreKey); }
  std::string contender(const std::string& session) const { return prefix + "/" + session; }
};

Result<Standing> read_standing(const model::Value& value, const Keys& keys, std::int64_t permits) {
  Standing standing;
  standing.holders.limit = permits;
  std::set<std::string_view> alive;
  const std::string key = keys.holders();
  for (const model::KvEntryRef& entry : std::get<model::KvEntries>(value)) {
    if (!entry->session().empty()) alive.insert(entry->session());
    if (entry->key() != key) continue;
    auto holders = model::decode_semaphore(entry->value(), permits);
    if (entry->flags() != model::kSemaphoreFlags || !holders.ok())
      return Status(Code::kFailedPrecondition, "the key \"" + key + "\" is in use for something else");
    standing.modified = entry->modify_index();
    standing.holders = *std::move(holders);
  }
  std::erase_if(standing.holders.holders, [&](const auto& holder) { return !alive.contains(holder.first); });
  return standing;
}

model::KvCommand holders_command(const Keys& keys, const Standing& standing) {
  model::KvCommand command;
  command.verb = model::KvVerb::kCas;
  command.key = keys.holders();
  command.value = model::encode(standing.holders);
  command.flags = model::kSemaphoreFlags;
  command.index = standing.modified;
  return command;
}

/// Takes a session out of the holders, and its key away; again and again while others are faster. What it
/// does not reach is made good by the session's end. Threads: the loop's.
class Departure : public std::enable_shared_from_this<Departure> {
 public:
  Departure(const AgentCore::Parts& parts, Keys keys, std::int64_t permits, std::string session,
            std::string token)
      : parts_(parts),
        keys_(std::move(keys)),
        permits_(permits),
        session_(std::move(session)),
        token_(std::move(token)) {}

  void begin(Completion<Unit> done) {
    done_.emplace(std::move(done));
    look();
  }

 private:
  void look() {
    model::Read read;
    read.call.token = token_;
    parts_.backend->query(model::ListKeysWithValues{keys_.prefix + "/"}, std::move(read))
        .then([self = shared_from_this()](const Result<model::Answer>& answer) {
          if (!answer.ok()) return self->finish(answer.status());
          self->leave(answer->value());
        });
  }

  void leave(const model::Value& value) {
    auto standing = read_standing(value, keys_, permits_);
    if (!standing.ok()) return finish(standing.status());
    if (standing->holders.holders.erase(session_) == 0) {
      was_held_ = false;
      return remove_key();
    }
    parts_.backend->apply(holders_command(keys_, *standing), {.token = token_})
        .then([self = shared_from_this()](const Result<model::Outcome>& outcome) {
          if (!outcome.ok()) return self->finish(outcome.status());
          outcome->result ? self->remove_key() : self->look();
        });
  }

  void remove_key() {
    model::KvCommand command;
    command.verb = model::KvVerb::kDelete;
    command.key = keys_.contender(session_);
    parts_.backend->apply(std::move(command), {.token = token_})
        .then([self = shared_from_this()](const Result<model::Outcome>& outcome) {
          if (!outcome.ok()) return self->finish(outcome.status());
          self->finish(self->was_held_ ? Status() : Status(Code::kNotFound, "the permit was lost before"));
        });
  }

  void finish(const Status& status) { status.ok() ? (*done_)(Unit{}) : (*done_)(status); }

  const AgentCore::Parts& parts_;
  const Keys keys_;
  const std::int64_t permits_;
  const std::string session_;
  const std::string token_;
  std::optional<Completion<Unit>> done_;
  bool was_held_ = true;
};

class PermitAcquisition final : public Acquisition {
 public:
  PermitAcquisition(std::shared_ptr<OpenSession> session, const AgentCore::Parts& parts, std::string prefix,
                    unsigned permits, bool wait, Completion<std::shared_ptr<HeldLock>> done)
      : Acquisition(std::move(session), parts, wait, std::move(done)),
        keys_{std::move(prefix)},
        permits_(permits) {}

 private:
  /// First the session's own key, by which others see that it lives; then who holds the semaphore.
  void look(Index beyond) override {
    if (!contends_) return contend();
    ask(model::ListKeysWithValues{keys_.prefix + "/"}, beyond, Consistency::kDefault,
        [this](const Result<model::Answer>& answer) {
          if (!answer.ok()) return fail_or_retry(answer.status());
          auto standing = read_standing(answer->value(), keys_, permits_);
          if (!standing.ok()) return fail(standing.status());
          decide(*std::move(standing), answer->meta.index);
        });
  }

  void contend() {
    model::KvCommand command;
    command.verb = model::KvVerb::kLock;
    command.key = keys_.contender(session_id());
    command.flags = model::kSemaphoreFlags;
    command.session = session_id();
    contends_ = true;
    apply(std::move(command), [this](const Result<model::Outcome>& outcome) {
      if (!outcome.ok()) {
        contends_ = outcome.status().code() == Code::kUnknownOutcome;
        return fail_or_retry(outcome.status());
      }
      if (!outcome->result)
        return fail({Code::kFailedPrecondition, "the contender's key \"" + keys_.contender(session_id()) +
                                                    "\" is held by somebody else"});
      look(0);
    });
  }

  void decide(Standing standing, Index index) {
    auto& holders = standing.holders;
    if (holders.limit != permits_) {
      return fail({Code::kFailedPrecondition, "\"" + keys_.prefix + "\" has " +
                                                  std::to_string(holders.limit) + " permits, not " +
                                                  std::to_string(permits_)});
    }
    const bool mine = holders.holders.contains(session_id());
    if (mine && claimed_) return hold(standing.modified);  // the claim whose outcome was not known
    if (!mine && std::ssize(holders.holders) >= permits_) {
      if (!wait()) return fail({Code::kConflict, "all permits of \"" + keys_.prefix + "\" are held"});
      reset_pause();
      return look(index);
    }
    // Also if it is ours without a holder, since it could not be let go: anew it has a fence of its own.
    holders.holders[session_id()] = true;
    claimed_ = true;
    apply(holders_command(keys_, standing), [this](const Result<model::Outcome>& outcome) {
      if (!outcome.ok()) return fail_or_retry(outcome.status());
      claimed_ = outcome->result;
      if (!outcome->result || outcome->index == 0) return look(0);  // others were faster, or it must be read
      hold(outcome->index);
    });
  }

  void hold(Index fence) {
    succeed(fence, model::ListKeysWithValues{keys_.prefix + "/"},
            [keys = keys_, permits = permits_, session = session_id()](const model::Value& value) {
              const auto standing = read_standing(value, keys, permits);
              return standing.ok() && standing->holders.holders.contains(session);
            });
  }

  LettingGo::Release release() const override {
    if (!contends_) return nullptr;
    return [keys = keys_, permits = permits_, session = session_id(), token = token()](
               const AgentCore::Parts& parts, Completion<Unit> done) {
      std::make_shared<Departure>(parts, keys, permits, session, token)->begin(std::move(done));
    };
  }

  const Keys keys_;
  const std::int64_t permits_;
  bool contends_ = false;  // its own key may be there
  bool claimed_ = false;   // it may be among the holders
};

}  // namespace

Async<std::shared_ptr<HeldLock>> acquire_permit(const std::shared_ptr<OpenSession>& session,
                                                std::string prefix, unsigned permits, bool wait,
                                                const Call& call) {
  using Lock = std::shared_ptr<HeldLock>;
  if (permits == 0) return invalid_argument("a semaphore has at least one permit");
  while (prefix.ends_with('/')) prefix.pop_back();
  return session->state()->core()->ask<Lock>(
      call, CallKind::kRead,
      [session, prefix = std::move(prefix), permits, wait](const AgentCore::Parts& parts,
                                                           Completion<Lock> done) mutable {
        std::make_shared<PermitAcquisition>(session, parts, prefix, permits, wait, std::move(done))
            ->begin(prefix + "/");
      });
}

}  // namespace discovery::api
