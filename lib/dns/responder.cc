#include "lib/dns/responder.h"

#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "lib/dns/answer_cache.h"
#include "lib/dns/answers.h"

namespace discovery::dns {
namespace {

using FactResult = Result<model::Answer>;

/// With a smaller max_stale the age of each answer counts, so that none is kept.
constexpr Duration kMinKeptStaleness = std::chrono::hours(1);

/// Results that came on other threads, for the responder's own.
class Mailbox {
 public:
  struct Letter {
    std::uint64_t lookup;
    FactResult result;
  };

  explicit Mailbox(Responder::Wake wake) : wake_(std::move(wake)) {}

  void post(std::uint64_t lookup, FactResult result) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    letters_.push_back({lookup, std::move(result)});
    if (letters_.size() == 1) wake_();
  }
  std::vector<Letter> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(letters_, {});
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }

 private:
  std::mutex mutex_;
  std::vector<Letter> letters_;
  bool closed_ = false;
  Responder::Wake wake_;
};

/// One call of the Backend. Its result is taken by whoever comes second: the caller, if the Backend was done
/// when its call returned, else the Backend, which then posts it.
class Handoff {
 public:
  Handoff(std::shared_ptr<Mailbox> mailbox, std::uint64_t lookup)
      : mailbox_(std::move(mailbox)), lookup_(lookup) {}

  void complete(FactResult result) {
    result_ = std::move(result);
    if (first_.test_and_set(std::memory_order_acq_rel)) mailbox_->post(lookup_, std::move(*result_));
  }
  std::optional<FactResult> take_now() {
    if (!first_.test_and_set(std::memory_order_acq_rel)) return std::nullopt;
    return std::move(result_);
  }

 private:
  std::atomic_flag first_;
  std::optional<FactResult> result_;
  std::shared_ptr<Mailbox> mailbox_;
  std::uint64_t lookup_;
};

/// A counter with one writer.
class Count {
 public:
  void add(std::uint64_t n = 1) noexcept { set(get() + n); }
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// What answers are kept under: the question's name in lower case, its type, and whether there was EDNS.
class Key {
 public:
  explicit Key(const Query& query, bool fold_case) noexcept {
    const Bytes name = query.name();
    std::memcpy(bytes_.data(), name.data(), name.size());
    if (fold_case) fold(name.size());
    size_ = name.size();
    bytes_[size_++] = static_cast<char>(static_cast<std::uint16_t>(query.type) >> 8);
    bytes_[size_++] = static_cast<char>(query.type);
    bytes_[size_++] = static_cast<char>(query.edns);
  }

  std::string_view view() const noexcept { return {bytes_.data(), size_}; }
  DomainName name() const { return DomainName::from_wire(std::string(bytes_.data(), size_ - 3)); }

 private:
  /// Letters to lower case, eight bytes at a time. Length bytes are no letters.
  void fold(std::size_t size) noexcept {
    constexpr std::uint64_t kOnes = 0x0101010101010101U;
    for (std::size_t at = 0; at < size; at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes_.data() + at, 8);
      const std::uint64_t low = word & (kOnes * 0x7F);
      const std::uint64_t from_a = low + kOnes * (0x80 - 'A');  // the high bit: at least 'A'
      const std::uint64_t past_z = low + kOnes * (0x7F - 'Z');  // the high bit: beyond 'Z'
      const std::uint64_t letters = from_a & ~past_z & ~word & (kOnes * 0x80);
      word |= letters >> 2;  // 0x20
      std::memcpy(bytes_.data() + at, &word, 8);
    }
  }

  std::array<char, DomainName::kMaxBytes + 16> bytes_{};
  std::size_t size_ = 0;
};

}  // namespace

class Responder::Impl {
 public:
  Impl(ResponderSetup setup, Wake wake)
      : setup_(std::move(setup)), draw_(setup_.seed), mailbox_(std::make_shared<Mailbox>(std::move(wake))) {}
  ~Impl() { mailbox_->close(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Outcome respond(Bytes bytes, Transport transport, std::span<std::uint8_t> out);
  void collect(std::span<std::uint8_t> out, const Deliver& deliver);
  void set_zone(std::shared_ptr<const Zone> zone);
  Counters counters() const noexcept {
    return {queries_.get(), kept_.get(), malformed_.get(), overloaded_.get(), waiting_.get()};
  }

 private:
  using Entry = AnswerCache::Entry;

  /// A query that waits for a lookup.
  struct Waiter {
    Ticket ticket;
    Transport transport;
    std::string bytes;
  };

  /// The way from a question to its answer. It keeps the options that it began with.
  struct Lookup {
    std::uint64_t id = 0;
    std::string key;
    std::shared_ptr<const Zone> zone;
    Question question;
    Facts facts;
    Ask asked;           ///< what the Backend was last asked
    bool fresh = false;  ///< a stale answer was too old: ask the leader
    std::vector<Waiter> waiters;
    std::size_t early_waiters = 0;  ///< those that waited when it began
  };

  Lookup begin(const Key& key, const Query& query);
  std::unique_ptr<Entry> advance(Lookup& lookup, std::optional<FactResult> result);
  std::optional<FactResult> ask(const Lookup& lookup);
  Outcome wait_for(std::uint64_t id, Bytes bytes, Transport transport);
  void resume(Mailbox::Letter letter, std::span<std::uint8_t> out, const Deliver& deliver);
  void keep(std::unique_ptr<Entry> entry, const Zone* zone);
  std::size_t write(EncodedAnswer& answer, const Query& query, Transport transport, const Options& options,
                    std::span<std::uint8_t> out);

  ResponderSetup setup_;
  Draw draw_;
  std::shared_ptr<Mailbox> mailbox_;
  AnswerCache cache_{AnswerCache::Limits{}};
  std::uint64_t last_id_ = 0;  // of lookups and tickets
  absl::flat_hash_map<std::uint64_t, std::unique_ptr<Lookup>> lookups_;
  absl::flat_hash_map<std::string, std::uint64_t> lookups_by_key_;
  Count queries_, kept_, malformed_, overloaded_, waiting_;
};

std::size_t Responder::Impl::write(EncodedAnswer& answer, const Query& query, Transport transport,
                                   const Options& options, std::span<std::uint8_t> out) {
  std::uint32_t now = 0;
  if (answer.has_serial()) {
    const auto time = setup_.clock->wall().time_since_epoch();
    now = static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(time).count());
  }
  return answer.write(query, packet_rule(query, transport, options), draw_, now, out);
}

Responder::Outcome Responder::Impl::respond(Bytes bytes, Transport transport, std::span<std::uint8_t> out) {
  Query query;
  const Verdict verdict = parse_query(bytes, query);
  if (verdict != Verdict::kAnswer) {
    malformed_.add();
    if (verdict == Verdict::kDrop) return {};
    const bool unknown = verdict == Verdict::kNotImplemented;
    return {write_error(query, unknown ? Rcode::kNotImplemented : Rcode::kFormatError, out), 0};
  }
  queries_.add();
  const Options& options = setup_.zone->options();
  const Key key(query, !options.disable_compression);
  if (EncodedAnswer* answer = cache_.find(key.view())) {
    kept_.add();
    return {write(*answer, query, transport, options, out), 0};
  }
  if (waiting_.get() >= kMaxWaiting) {
    overloaded_.add();
    return {write_error(query, Rcode::kServerFailure, out), 0};
  }
  const auto running = lookups_by_key_.find(absl::string_view(key.view().data(), key.view().size()));
  if (running != lookups_by_key_.end()) return wait_for(running->second, bytes, transport);
  Lookup lookup = begin(key, query);
  if (auto entry = advance(lookup, std::nullopt)) {
    const std::size_t size = write(entry->answer, query, transport, options, out);
    keep(std::move(entry), lookup.zone.get());
    return {size, 0};
  }
  const std::uint64_t id = lookup.id;
  lookup.early_waiters = 1;
  lookups_by_key_.emplace(lookup.key, id);
  lookups_.emplace(id, std::make_unique<Lookup>(std::move(lookup)));
  return wait_for(id, bytes, transport);
}

Responder::Outcome Responder::Impl::wait_for(std::uint64_t id, Bytes bytes, Transport transport) {
  waiting_.add();
  const Ticket ticket = ++last_id_;
  lookups_.find(id)->second->waiters.push_back({ticket, transport, std::string(bytes.begin(), bytes.end())});
  return {0, ticket};
}

Responder::Impl::Lookup Responder::Impl::begin(const Key& key, const Query& query) {
  Lookup lookup;
  lookup.id = ++last_id_;
  lookup.key = key.view();
  lookup.zone = setup_.zone;
  lookup.question = {key.name(), query.type, query.edns, draw_.next()};
  return lookup;
}

/// Goes on with what the Backend said, if it said something. Null: it will say more.
std::unique_ptr<AnswerCache::Entry> Responder::Impl::advance(Lookup& lookup,
                                                             std::optional<FactResult> result) {
  const Options& options = lookup.zone->options();
  while (true) {
    if (result) {  // one that is too old is no fact: it will be asked for once more
      const bool too_old = result->ok() && !lookup.fresh && options.allow_stale &&
                           (*result)->meta.last_contact > options.max_stale;
      lookup.fresh = lookup.fresh || too_old;
      if (!too_old) {
        lookup.facts.push_back(
            {lookup.asked.key, result->status(), result->ok() ? (*result)->shared : nullptr});
      }
    }
    auto next = make_reply(lookup.question, *lookup.zone, lookup.facts);
    if (const auto* reply = std::get_if<Reply>(&next)) {
      const bool cacheable =
          reply->cacheable && options.allow_stale && options.max_stale >= kMinKeptStaleness;
      auto entry = std::make_unique<Entry>(
          Entry{cacheable ? lookup.key : std::string(),
                EncodedAnswer(*reply, lookup.question.name, !options.disable_compression),
                {}});
      for (const Fact& fact : lookup.facts) {
        if (fact.answer != nullptr) entry->sources.push_back(fact.answer);
      }
      return entry;
    }
    lookup.asked = std::move(*std::get_if<Ask>(&next));
    result = ask(lookup);
    if (!result) return nullptr;
  }
}

/// The Backend's result if it is there at once; otherwise it goes to the mailbox.
std::optional<FactResult> Responder::Impl::ask(const Lookup& lookup) {
  const Options& options = lookup.zone->options();
  model::Read read;
  read.consistency = options.allow_stale && !lookup.fresh ? Consistency::kStale : Consistency::kDefault;
  read.call.token = options.token;
  if (lookup.asked.datacenter != options.datacenter) read.call.datacenter = lookup.asked.datacenter;
  auto pending = setup_.backend->query(lookup.asked.query, std::move(read));
  if (pending.ready()) {
    std::optional<FactResult> result;
    std::move(pending).then([&result](FactResult value) { result = std::move(value); });
    return result;
  }
  auto handoff = std::make_shared<Handoff>(mailbox_, lookup.id);
  std::move(pending).then([handoff](FactResult value) { handoff->complete(std::move(value)); });
  return handoff->take_now();
}

void Responder::Impl::keep(std::unique_ptr<Entry> entry, const Zone* zone) {
  if (!entry->key.empty() && zone == setup_.zone.get()) cache_.insert(std::move(entry));
}

void Responder::Impl::collect(std::span<std::uint8_t> out, const Deliver& deliver) {
  for (Mailbox::Letter& letter : mailbox_->take()) resume(std::move(letter), out, deliver);
}

void Responder::Impl::resume(Mailbox::Letter letter, std::span<std::uint8_t> out, const Deliver& deliver) {
  const auto found = lookups_.find(letter.lookup);
  if (found == lookups_.end()) return;
  Lookup& lookup = *found->second;
  std::optional<FactResult> result = std::move(letter.result);
  while (true) {
    auto entry = advance(lookup, std::exchange(result, std::nullopt));
    if (entry == nullptr) return;
    // Whoever began to wait after a change could be seen must see it: for those the lookup begins again.
    const bool outdated = entry->is_superseded() && lookup.waiters.size() > lookup.early_waiters;
    const std::size_t answered = outdated ? lookup.early_waiters : lookup.waiters.size();
    for (std::size_t i = 0; i < answered; ++i) {
      Query query;
      parse_query({reinterpret_cast<const std::uint8_t*>(lookup.waiters[i].bytes.data()),
                   lookup.waiters[i].bytes.size()},
                  query);
      const std::size_t size =
          write(entry->answer, query, lookup.waiters[i].transport, lookup.zone->options(), out);
      deliver(lookup.waiters[i].ticket, out.first(size));
    }
    waiting_.set(waiting_.get() - answered);
    if (!outdated) {
      keep(std::move(entry), lookup.zone.get());
      break;
    }
    lookup.waiters.erase(lookup.waiters.begin(),
                         lookup.waiters.begin() + static_cast<std::ptrdiff_t>(answered));
    lookup.early_waiters = lookup.waiters.size();
    lookup.facts.clear();
    lookup.fresh = false;
  }
  const auto by_key = lookups_by_key_.find(lookup.key);
  if (by_key != lookups_by_key_.end() && by_key->second == lookup.id) lookups_by_key_.erase(by_key);
  lookups_.erase(letter.lookup);
}

void Responder::Impl::set_zone(std::shared_ptr<const Zone> zone) {
  setup_.zone = std::move(zone);
  cache_.clear();
  lookups_by_key_.clear();  // those that run finish with the zone that they began with
}

Responder::Responder(ResponderSetup setup, Wake wake)
    : impl_(std::make_unique<Impl>(std::move(setup), std::move(wake))) {}
Responder::~Responder() = default;

Responder::Outcome Responder::respond(std::span<const std::uint8_t> query, Transport transport,
                                      std::span<std::uint8_t> out) {
  return impl_->respond(query, transport, out);
}

void Responder::collect(std::span<std::uint8_t> out, const Deliver& deliver) { impl_->collect(out, deliver); }

void Responder::set_zone(std::shared_ptr<const Zone> zone) { impl_->set_zone(std::move(zone)); }

Responder::Counters Responder::counters() const noexcept { return impl_->counters(); }

}  // namespace discovery::dns
