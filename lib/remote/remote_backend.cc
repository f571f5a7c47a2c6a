#include "lib/remote/remote_backend.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "lib/base/digest.h"
#include "lib/codec/json_reader.h"
#include "lib/env/on_loop.h"
#include "lib/remote/answer_files.h"
#include "lib/remote/answers.h"
#include "lib/remote/decoding.h"
#include "lib/remote/link.h"
#include "lib/remote/question.h"
#include "lib/remote/server_url.h"
#include "lib/remote/spelling.h"

namespace discovery::remote {
namespace {

/// As Consul's servers have it.
constexpr Duration kDefaultWait = std::chrono::minutes(5);
constexpr Duration kMaxWait = std::chrono::minutes(10);
constexpr Duration kMargin = std::chrono::seconds(10);

/// Checks and completes a command as a server does, so that what is wrong is said in the same words. Of
/// sessions only the agent knows the bounds.
Status check(model::Command& command) {
  return std::visit(
      [](auto& kind) -> Status {
        if constexpr (requires { model::validate(kind); }) {
          return model::validate(kind);
        } else {
          return {};
        }
      },
      command);
}

Index latest_index(const model::TxnResults& results) {
  Index latest = 0;
  for (const model::TxnRow& row : results.rows) {
    const Index index = std::visit(
        [](const auto& item) -> Index {
          if constexpr (requires { item.entry; }) {
            return item.entry->modify_index();
          } else if constexpr (requires { item->index.modify; }) {
            return item->index.modify;
          } else {
            return 0;
          }
        },
        row);
    latest = std::max(latest, index);
  }
  return latest;
}

/// Whether the write of a key is told as a transaction of one operation, whose answer says at which index it
/// happened; that of a plain PUT does not. Long values would be a third longer there, and over the limit.
bool tells_index(const model::KvCommand& command) {
  constexpr std::size_t kMaxValue = std::size_t{256} << 10;
  return (command.verb == model::KvVerb::kSet || command.verb == model::KvVerb::kCas) &&
         command.value.size() <= kMaxValue;
}

model::TxnCommand as_transaction(model::KvCommand command) {
  model::KvOperation operation;
  operation.verb = command.verb == model::KvVerb::kCas ? "cas" : "set";
  operation.key = std::move(command.key);
  operation.value = std::move(command.value);
  operation.flags = command.flags;
  operation.index = command.index;
  return {.operations = {std::move(operation)}};
}

/// What such a transaction has come to, as the outcome of the write.
Result<model::Outcome> of_one_key(const model::Outcome& outcome) {
  if (outcome.result) return model::Outcome{.index = outcome.index};
  const auto& errors = std::get<model::TxnResults>(outcome.txn->value()).errors;
  const std::string what = errors.empty() ? "the write failed" : errors.front().what;
  if (what.ends_with("index is stale")) return model::Outcome{.result = false};
  if (what.find("ermission denied") != std::string::npos) return Status(Code::kPermissionDenied, what);
  return Status(Code::kInternal, what);
}

/// What the making of a session is answered with.
struct MadeSession {
  model::Text id;
};
template <class Archive>
void describe(Archive& archive, MadeSession& made) {
  archive.field("ID", made.id);
}

bool makes_session(const model::Command& command) {
  const auto* session = std::get_if<model::SessionCommand>(&command);
  return session != nullptr && session->verb == model::SessionVerb::kCreate;
}

/// What a change has come to.
Result<model::Outcome> read_outcome(const model::Command& command, const http1::ClientResponse& response) {
  const bool is_txn = std::holds_alternative<model::TxnCommand>(command);
  if (is_txn && (response.status == 200 || response.status == 409)) {
    Result<model::TxnResults> results = decode_txn(response.body);
    if (!results.ok()) return failure_of(results.status(), true, true);
    model::Outcome outcome{.index = latest_index(*results), .result = results->errors.empty()};
    outcome.txn = std::make_shared<const model::SharedAnswer>(*std::move(results));
    return outcome;
  }
  if (Status failure = failure_of(response, true); !failure.ok()) return failure;
  model::Outcome outcome;
  Status status;
  if (makes_session(command)) {
    MadeSession made;
    status = codec::from_json(response.body, made, kTolerant);
    if (status.ok() && made.id.empty()) status = makes_no_sense("the session has no id");
    outcome.session = std::move(made.id);
  } else if (!response.body.empty()) {
    status = codec::from_json(response.body, outcome.result, kTolerant);
  }
  if (!status.ok()) return failure_of(makes_no_sense(status.message()), true, true);
  return outcome;
}

}  // namespace

class RemoteBackend::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(env::Env& env, Options options, std::vector<ServerUrl> urls,
       std::shared_ptr<const tls::ClientContext> tls)
      : env_(env), options_(std::move(options)), decoding_(std::make_unique<Decoding>(env)) {
    for (const ServerUrl& url : urls) source_ += url.text + '\n';
    if (!options_.cache_dir.empty()) {
      files_ = std::make_unique<AnswerFiles>(env, options_.cache_dir, options_.limits);
    }
    link_ = std::make_unique<Link>(env, options_, std::move(urls), std::move(tls));
  }

  /// Ends everything; nothing is called afterwards.
  void end() {
    questions_.clear();
    sessions_.clear();
    // Calls under way are told so, and may want to decode or look into the files.
    link_.reset();
    decoding_.reset();
    files_.reset();
  }

  env::Env& env() const noexcept { return env_; }
  Link& link() const noexcept { return *link_; }
  LinkFacts facts() const {
    return {link_->up(), link_->connections().idle(), link_->connections().waiting(), questions_.size()};
  }

  void apply(model::Command command, const Call& call, Async<model::Outcome>::Callback done) {
    if (Status status = check(command); !status.ok()) return done(std::move(status));
    bool sets_key = false;
    auto* kv = std::get_if<model::KvCommand>(&command);
    if (kv != nullptr) {  // a transaction would take it, but nobody could read it then
      if (Status status = check_key(kv->key); !status.ok()) return done(std::move(status));
    }
    if (kv != nullptr && tells_index(*kv)) {
      sets_key = kv->verb == model::KvVerb::kSet;
      command = as_transaction(std::move(*kv));
      done = [done = std::move(done)](Result<model::Outcome> outcome) mutable {
        done(outcome.ok() ? of_one_key(*outcome) : std::move(outcome));
      };
    }
    Result<SpelledCommand> spelled = spell(command, datacenter(call), options_.limits.max_txn_operations);
    if (!spelled.ok()) return done(spelled.status());
    const bool repeatable = spelled->repeatable || sets_key;
    const bool own_connection = makes_session(command);
    link_->call(
        {.message = std::move(spelled->message), .repeatable = repeatable, .own_connection = own_connection},
        call, [this, command = std::move(command), done = std::move(done)](Ending ending) mutable {
          if (const auto* session = std::get_if<model::SessionCommand>(&command))
            sessions_.erase(session->session.id.str());  // it is made only now, or has ended
          if (!ending.response.ok()) return done(failure_of(ending.response.status(), ending.sent, true));
          Result<model::Outcome> outcome = read_outcome(command, *ending.response);
          if (outcome.ok() && ending.connection)
            hold_session(outcome->session.str(), std::move(ending.connection));
          done(std::move(outcome));
        });
  }

  void renew_session(const std::string& id, const Call& call, Async<model::SessionPtr>::Callback done) {
    Result<http1::ClientRequest> message = spell_renewal(id, datacenter(call));
    if (!message.ok()) return done(message.status());
    link_->call({.message = *std::move(message)}, call, [done = std::move(done)](Ending ending) mutable {
      if (!ending.response.ok()) return done(failure_of(ending.response.status(), ending.sent, true));
      if (Status failure = failure_of(*ending.response, true); !failure.ok()) return done(std::move(failure));
      const auto sessions = decode_answer(model::ListSessions{}, 200, ending.response->body);
      if (!sessions.ok()) return done(failure_of(sessions.status(), true, true));
      const auto* found = std::get_if<model::Sessions>(&*sessions);
      if (found == nullptr || found->size() != 1) return done(makes_no_sense("it is not one session"));
      done(found->front());
    });
  }

  void query(model::Query query, model::Read read, Async<model::Answer>::Callback done) {
    auto asking = std::make_shared<Asking>(std::move(query), std::move(read), std::move(done));
    if (!can_wait(*asking->query)) asking->read.min_index = 0;
    asking->until = now();
    if (asking->read.min_index > 0) {
      asking->until +=
          asking->read.wait == Duration::zero() ? kDefaultWait : std::min(asking->read.wait, kMaxWait);
    }
    if (asking->read.accept_last_known) {
      asking->grace = env_.make_timer();
      asking->grace->start(options_.limits.grace, [weak = weak_from_this(), watched = std::weak_ptr(asking)] {
        const auto self = weak.lock();
        const auto still = watched.lock();
        if (self && still && still->read.min_index == 0) self->fall_back(still, {});
      });
    }
    ask(asking);
  }

  void add(const std::string& key, const model::Query& query, const model::Read& read,
           const WatchingPtr& watching) {
    const auto found = questions_.find(key);
    if (found != questions_.end()) return found->second->add(watching);
    model::Read plain = read;
    plain.min_index = 0;
    plain.call.stop = {};
    plain.call.timeout = {};
    auto question = std::make_unique<Question>(Question::World{*link_, *decoding_, files_.get()},
                                               name_of(query, read), query, std::move(plain));
    Question& added = *questions_.emplace(key, std::move(question)).first->second;
    added.add(watching);
    added.start();
  }

  void remove(const std::string& key, const WatchingPtr& watching) {
    const auto found = questions_.find(key);
    if (found != questions_.end() && found->second->remove(watching)) questions_.erase(found);
  }

  /// What equal questions of equal callers have in common.
  std::string key_of(const model::Query& query, const model::Read& read) const {
    return std::to_string(static_cast<int>(read.consistency)) + name_of(query, read);
  }

 private:
  /// A query under way.
  struct Asking {
    Asking(model::Query question, model::Read how, Async<model::Answer>::Callback callback)
        : query(std::make_shared<const model::Query>(std::move(question))),
          read(std::move(how)),
          done(std::move(callback)) {}
    /// Who waits is told in any case.
    ~Asking() { answer(Status(Code::kCancelled, "the instance is stopping")); }
    Asking(const Asking&) = delete;
    Asking& operator=(const Asking&) = delete;

    std::shared_ptr<const model::Query> query;
    model::Read read;
    Async<model::Answer>::Callback done;  // empty: it was answered
    Duration until{};                     // it waits
    bool shortened = false;               // the present question waits for less than that
    std::unique_ptr<env::Timer> grace;

    void answer(Result<model::Answer> result) {
      if (!done) return;
      grace.reset();
      Async<model::Answer>::Callback callback = std::move(done);
      done = nullptr;
      callback(std::move(result));
    }
  };
  using AskingPtr = std::shared_ptr<Asking>;

  Duration now() const { return env_.clock().monotonic(); }
  const std::string& datacenter(const Call& call) const {
    return call.datacenter.empty() ? options_.datacenter : call.datacenter;
  }

  /// What an answer is kept under: where it comes from, who has asked, and what. No token is written down.
  std::string name_of(const model::Query& query, const model::Read& read) const {
    const std::string& token = read.call.token.empty() ? options_.token : read.call.token;
    std::string name = source_ + datacenter(read.call) + '\n';
    if (!token.empty()) name += base::sha256_hex(token);
    return name + '\n' + canonical(query, read);
  }

  void ask(const AskingPtr& asking) {
    model::Read read = asking->read;
    const Duration left = std::max(asking->until - now(), Duration::zero());
    const bool waits = read.min_index > 0 && left > Duration::zero();
    read.wait = waits && link_->connections().crowded() ? std::min(left, Limits::kTurn) : left;
    asking->shortened = waits && read.wait < left;
    if (!waits) read.min_index = 0;
    Result<http1::ClientRequest> message = spell(*asking->query, read, datacenter(read.call));
    if (!message.ok()) return asking->answer(message.status());
    Request request{.message = *std::move(message), .waits = waits};
    if (waits && read.call.timeout == Duration::zero())
      request.timeout = read.wait + read.wait / 16 + kMargin;
    link_->call(std::move(request), read.call, [weak = weak_from_this(), asking](Ending ending) {
      if (const auto self = weak.lock()) return self->on_ending(asking, std::move(ending));
      asking->answer(Status(Code::kCancelled, "the instance is stopping"));
    });
  }

  void on_ending(const AskingPtr& asking, Ending ending) {
    if (!asking->done) return;
    if (ending.interrupted) return ask(asking);
    if (!ending.response.ok()) return fall_back(asking, ending.response.status());
    http1::ClientResponse& response = *ending.response;
    const AnswerHead head = read_head(response);
    const bool is_answer = (response.status == 404 && may_be_missing(*asking->query)) ||
                           (response.status == 409 && std::holds_alternative<model::ReadTxn>(*asking->query));
    if (Status failure = failure_of(response, false); !failure.ok() && !is_answer) {
      return fall_back(asking, failure);
    }
    const bool early = asking->shortened && head.has_index && head.meta.index == asking->read.min_index;
    if (early && asking->until > now()) return ask(asking);
    if (!decoding_) return asking->answer(Status(Code::kCancelled, "the instance is stopping"));
    KeptAnswer raw{env_.clock().wall(), head.meta.index, response.status,
                   std::make_shared<const std::string>(std::move(response.body))};
    const auto body = raw.body;
    const int status = raw.status;
    decoding_->decode(
        asking->query, status, body,
        [weak = weak_from_this(), asking, meta = head.meta, raw = std::move(raw)](auto decoded) mutable {
          const auto self = weak.lock();
          if (!decoded.ok()) return asking->answer(decoded.status());
          if (self) self->keep(*asking, std::move(raw));
          meta.epoch = 1;
          asking->answer(model::Answer{meta, *std::move(decoded)});
        });
  }

  void keep(const Asking& asking, KeptAnswer raw) {
    if (files_ && asking.read.accept_last_known)
      files_->keep(name_of(*asking.query, asking.read), std::move(raw));
  }

  /// Answers with what is known, or with `failure`; if that is ok and nothing is known, the wait goes on.
  void fall_back(const AskingPtr& asking, const Status& failure) {
    const Code code = failure.code();
    const bool in_vain = failure.ok() || code == Code::kUnavailable || code == Code::kDeadlineExceeded;
    if (!in_vain || !asking->read.accept_last_known) return asking->answer(failure);
    if (const auto found = questions_.find(key_of(*asking->query, asking->read)); found != questions_.end()) {
      if (auto latest = found->second->latest()) {
        latest->meta.live = false;
        latest->meta.as_of = found->second->heard_at();
        return asking->answer(*std::move(latest));
      }
    }
    if (!files_ || !decoding_) {
      if (!failure.ok()) asking->answer(failure);
      return;
    }
    files_->load(name_of(*asking->query, asking->read), [weak = weak_from_this(), asking,
                                                         failure](const Result<KeptAnswer>& kept) {
      const auto self = weak.lock();
      const bool found = self && self->decoding_ && kept.ok();
      if (!found) return failure.ok() ? void() : asking->answer(failure);
      Meta meta{.index = kept->index, .epoch = 1, .live = false, .as_of = kept->at};
      self->decoding_->decode(asking->query, kept->status, kept->body, [asking, failure, meta](auto decoded) {
        if (decoded.ok()) {
          asking->answer(model::Answer{meta, *std::move(decoded)});
        } else if (!failure.ok()) {
          asking->answer(failure);
        }
      });
    });
  }

  /// A session that was made over a connection lives as long as that: with a discoveryd, the holder's death
  /// is known at once.
  void hold_session(const std::string& id, std::unique_ptr<http1::ClientConnection> connection) {
    auto& held = sessions_[id];
    held = std::move(connection);
    held->on_close([this, id] { sessions_.erase(id); });
  }

  env::Env& env_;
  const Options options_;
  std::string source_;
  std::unique_ptr<Decoding> decoding_;
  std::unique_ptr<AnswerFiles> files_;  // null: nothing is kept
  std::unique_ptr<Link> link_;
  std::map<std::string, std::unique_ptr<http1::ClientConnection>> sessions_;  // by id
  std::map<std::string, std::unique_ptr<Question>> questions_;
};

/// A sink at a question.
class RemoteBackend::Watch final : public model::WatchHandle {
 public:
  Watch(const std::shared_ptr<Impl>& impl, const model::Query& query, const model::Read& read,
        model::Sink& sink)
      : env_(impl->env()),
        impl_(impl),
        key_(impl->key_of(query, read)),
        watching_(std::make_shared<Watching>(sink)) {
    env_.post([weak = impl_, key = key_, query, read, watching = watching_] {
      if (const auto self = weak.lock()) self->add(key, query, read, watching);
    });
  }
  ~Watch() override {
    {
      // Waits for a running call, unless that is what ends the watch.
      const std::lock_guard lock(watching_->mutex);
      watching_->sink = nullptr;
    }
    env_.post([weak = std::move(impl_), key = std::move(key_), watching = std::move(watching_)] {
      if (const auto self = weak.lock()) self->remove(key, watching);
    });
  }

 private:
  env::Env& env_;
  std::weak_ptr<Impl> impl_;
  std::string key_;
  WatchingPtr watching_;
};

Result<std::unique_ptr<RemoteBackend>> RemoteBackend::create(env::Env& env, Options options) {
  if (options.urls.empty()) return invalid_argument("the URL of an agent is missing");
  std::vector<ServerUrl> urls;
  for (const std::string& text : options.urls) {
    Result<ServerUrl> url = parse_server_url(text);
    if (!url.ok()) return url.status();
    urls.push_back(*std::move(url));
  }
  std::shared_ptr<const tls::ClientContext> tls;
  if (std::any_of(urls.begin(), urls.end(), [](const ServerUrl& url) { return url.tls; })) {
    auto created = tls::ClientContext::create(options.tls);
    if (!created.ok()) return created.status();
    tls = *std::move(created);
  }
  return std::unique_ptr<RemoteBackend>(
      new RemoteBackend(std::make_shared<Impl>(env, std::move(options), std::move(urls), std::move(tls))));
}

RemoteBackend::RemoteBackend(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

RemoteBackend::~RemoteBackend() { impl_->end(); }

template <class T, class Work>
Async<T> RemoteBackend::on_loop(Work work) {
  return env::on_loop<T>(
      impl_->env(), std::weak_ptr<const void>(impl_), Status(Code::kCancelled, "the instance has ended"),
      [impl = impl_.get(), work = std::move(work)](typename Async<T>::Callback done) mutable {
        work(*impl, std::move(done));
      });
}

Async<model::Outcome> RemoteBackend::apply(model::Command command, Call call) {
  return on_loop<model::Outcome>(
      [command = std::move(command), call = std::move(call)](Impl& impl, auto done) mutable {
        impl.apply(std::move(command), call, std::move(done));
      });
}

Async<model::Answer> RemoteBackend::query(model::Query query, model::Read read) {
  return on_loop<model::Answer>(
      [query = std::move(query), read = std::move(read)](Impl& impl, auto done) mutable {
        impl.query(std::move(query), std::move(read), std::move(done));
      });
}

Async<model::SessionPtr> RemoteBackend::renew_session(std::string id, Call call) {
  return on_loop<model::SessionPtr>(
      [id = std::move(id), call = std::move(call)](Impl& impl, auto done) mutable {
        impl.renew_session(id, call, std::move(done));
      });
}

std::unique_ptr<model::WatchHandle> RemoteBackend::watch(model::Query query, model::Read read,
                                                         model::Sink& sink) {
  return std::make_unique<Watch>(impl_, query, read, sink);
}

LinkFacts RemoteBackend::facts() const { return impl_->facts(); }

Link& RemoteBackend::link() noexcept { return impl_->link(); }

}  // namespace discovery::remote
