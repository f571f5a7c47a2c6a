#include "lib/dns/responder.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "lib/dns/answer_cache.h"
#include "lib/dns/answers.h"

namespace discovery::dns {
namespace {

/// What the Backend answered, or the message of a recursor.
using Finding = std::variant<model::Answer, std::string>;
using FactResult = Result<Finding>;

/// With a smaller max_stale the age of each answer counts, so that none is kept.
constexpr Duration kMinKeptStaleness = std::chrono::hours(1);

/// Results that came on other threads, for the responder's own.
class Mailbox {
 public:
  struct Letter {
    std::uint64_t id;  ///< of a lookup or a relay
    FactResult result;
  };

  explicit Mailbox(Responder::Wake wake) : wake_(std::move(wake)) {}

  void post(std::uint64_t id, FactResult result) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    letters_.push_back({id, std::move(result)});
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

/// One call of the Backend or the recursor. Its result is taken by whoever comes second: the caller, if the
/// callee was done when its call returned, else the callee, which then posts it.
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

FactResult to_finding(Result<model::Answer> answer) {
  if (!answer.ok()) return answer.status();
  return Finding(*std::move(answer));
}

FactResult to_finding(Result<std::string> message) {
  if (!message.ok()) return message.status();
  return Finding(*std::move(message));
}

/// What asks recursors for the addresses of a host.
std::string host_query(const DomainName& host, std::uint16_t id) {
  Message message;
  message.id = id;
  message.flags = kRecursionDesiredFlag;
  message.questions.push_back({host, Type::kA});
  return encode(message, false);
}

Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Writes a recursor's answer for one of those who asked; only that there is one, where it is larger than the
/// client takes.
std::size_t write_relayed(Bytes message, const Query& query, const PacketRule& rule,
                          std::span<std::uint8_t> out) {
  const bool fits = message.size() <= std::min(rule.max_bytes, out.size());
  const std::size_t size =
      fits ? message.size() : std::min(message.size(), kHeaderBytes + query.question.size());
  std::memcpy(out.data(), message.data(), size);
  out[0] = static_cast<std::uint8_t>(query.id >> 8);
  out[1] = static_cast<std::uint8_t>(query.id);
  if (fits) return size;
  out[2] |= static_cast<std::uint8_t>(kTruncatedFlag >> 8);
  std::fill_n(out.begin() + 6, 6, std::uint8_t{0});  // no records
  return size;
}

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
    return {queries_.get(), kept_.get(), malformed_.get(), overloaded_.get(), waiting_.get(), relayed_.get()};
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

  /// A query for another zone, with those that are the same but for their id: one of them is sent on. So a
  /// server that sends it back to us gets no further with it than this.
  struct Relaying {
    std::uint64_t id = 0;
    std::string key;
    std::shared_ptr<const Zone> zone;
    std::vector<Waiter> waiters;
  };

  /// Where a lookup stands: it waits, or the question is a recursor's, or there is an answer.
  struct Waits {};
  using Progress = std::variant<Waits, Relay, std::unique_ptr<Entry>>;

  Lookup begin(const Key& key, const Query& query);
  Progress advance(Lookup& lookup, std::optional<FactResult> result);
  void learn(Lookup& lookup, FactResult result);
  std::unique_ptr<Entry> encode_reply(const Reply& reply, Lookup& lookup);
  std::optional<FactResult> ask(const Lookup& lookup);
  std::optional<FactResult> ask_catalog(const Lookup& lookup, const CatalogAsk& asked);
  bool relay(std::shared_ptr<const Zone> zone, Waiter waiter);
  void finish(const Relaying& relaying, const FactResult& result, std::span<std::uint8_t> out,
              const Deliver& deliver);
  std::size_t write_failure(const Query& query, Transport transport, const Options& options,
                            std::span<std::uint8_t> out);
  void end_lookup(const Lookup& lookup);
  Outcome wait_for(std::uint64_t id, Bytes bytes, Transport transport);
  void resume(std::unique_ptr<Lookup> lookup, FactResult result, std::span<std::uint8_t> out,
              const Deliver& deliver);
  bool answer_waiters(Lookup& lookup, std::unique_ptr<Entry> entry, std::span<std::uint8_t> out,
                      const Deliver& deliver);
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
  absl::flat_hash_map<std::uint64_t, Relaying> relays_;
  absl::flat_hash_map<std::string, std::uint64_t> relays_by_key_;
  std::size_t relayed_waiting_ = 0;
  Count queries_, kept_, malformed_, overloaded_, waiting_, relayed_;
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
  Progress progress = advance(lookup, std::nullopt);
  if (auto* entry = std::get_if<std::unique_ptr<Entry>>(&progress)) {
    const std::size_t size = write((*entry)->answer, query, transport, options, out);
    keep(std::move(*entry), lookup.zone.get());
    return {size, 0};
  }
  if (std::holds_alternative<Relay>(progress)) {
    const Ticket ticket = ++last_id_;
    if (relay(lookup.zone, {ticket, transport, std::string(bytes.begin(), bytes.end())})) return {0, ticket};
    return {write_failure(query, transport, options, out), 0};
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

/// Goes on with what was said, if something was.
Responder::Impl::Progress Responder::Impl::advance(Lookup& lookup, std::optional<FactResult> result) {
  while (true) {
    if (result) learn(lookup, *std::move(result));
    auto next = make_reply(lookup.question, *lookup.zone, lookup.facts);
    if (const auto* reply = std::get_if<Reply>(&next)) return encode_reply(*reply, lookup);
    if (std::holds_alternative<Relay>(next)) return Relay{};
    lookup.asked = std::move(*std::get_if<Ask>(&next));
    result = ask(lookup);
    if (!result) return Waits{};
  }
}

void Responder::Impl::learn(Lookup& lookup, FactResult result) {
  Fact fact{lookup.asked.key, result.status()};
  if (result.ok()) {
    if (auto* message = std::get_if<std::string>(&*result)) {
      if (auto decoded = decode(bytes_of(*message)); decoded.ok()) {
        fact.records = std::move(decoded->answers);
      } else {
        fact.status = decoded.status();
      }
    } else {
      const auto& answer = *std::get_if<model::Answer>(&*result);
      const Options& options = lookup.zone->options();
      if (!lookup.fresh && options.allow_stale && answer.meta.last_contact > options.max_stale) {
        lookup.fresh = true;  // one that is too old is no fact: it will be asked for once more
        return;
      }
      fact.answer = answer.shared;
    }
  }
  lookup.facts.push_back(std::move(fact));
}

std::unique_ptr<AnswerCache::Entry> Responder::Impl::encode_reply(const Reply& reply, Lookup& lookup) {
  const Options& options = lookup.zone->options();
  const bool cacheable = reply.cacheable && options.allow_stale && options.max_stale >= kMinKeptStaleness;
  auto entry =
      std::make_unique<Entry>(Entry{cacheable ? lookup.key : std::string(),
                                    EncodedAnswer(reply, lookup.question.name, !options.disable_compression),
                                    {}});
  for (const Fact& fact : lookup.facts) {
    if (fact.answer != nullptr) entry->sources.push_back(fact.answer);
  }
  return entry;
}

/// What was said if it was said at once; otherwise it goes to the mailbox.
std::optional<FactResult> Responder::Impl::ask(const Lookup& lookup) {
  if (const auto* catalog = std::get_if<CatalogAsk>(&lookup.asked.what)) return ask_catalog(lookup, *catalog);
  if (setup_.recursor == nullptr) return FactResult(Status(Code::kUnavailable, "there is no recursor"));
  const auto handoff = std::make_shared<Handoff>(mailbox_, lookup.id);
  const DomainName& host = std::get_if<HostAsk>(&lookup.asked.what)->host;
  setup_.recursor->ask(
      host_query(host, 0), Transport::kUdp, lookup.zone,
      [handoff](Result<std::string> message) { handoff->complete(to_finding(std::move(message))); });
  return handoff->take_now();
}

std::optional<FactResult> Responder::Impl::ask_catalog(const Lookup& lookup, const CatalogAsk& asked) {
  const Options& options = lookup.zone->options();
  model::Read read;
  read.consistency = options.allow_stale && !lookup.fresh ? Consistency::kStale : Consistency::kDefault;
  read.call.token = options.token;
  if (asked.datacenter != options.datacenter) read.call.datacenter = asked.datacenter;
  read.near = asked.near;
  auto pending = setup_.backend->query(asked.query, std::move(read));
  if (pending.ready()) {
    std::optional<FactResult> result;
    std::move(pending).then(
        [&result](Result<model::Answer> value) { result = to_finding(std::move(value)); });
    return result;
  }
  const auto handoff = std::make_shared<Handoff>(mailbox_, lookup.id);
  std::move(pending).then(
      [handoff](Result<model::Answer> value) { handoff->complete(to_finding(std::move(value))); });
  return handoff->take_now();
}

// --- queries for other zones
// ---------------------------------------------------------------------------------------------

/// Sends a query on, or lets it wait for the same one that is on its way. False: too many wait already.
bool Responder::Impl::relay(std::shared_ptr<const Zone> zone, Waiter waiter) {
  if (setup_.recursor == nullptr || relayed_waiting_ >= kMaxRelayed) {
    overloaded_.add();
    return false;
  }
  relayed_.add();
  ++relayed_waiting_;
  std::string key(1, static_cast<char>(waiter.transport));
  key.append(waiter.bytes, 2);  // all but its id
  const auto [running, is_new] = relays_by_key_.try_emplace(key, last_id_ + 1);
  if (!is_new) {
    relays_.find(running->second)->second.waiters.push_back(std::move(waiter));
    return true;
  }
  const std::uint64_t id = ++last_id_;
  std::string query = waiter.bytes;
  const Transport transport = waiter.transport;
  Relaying& relaying = relays_[id];
  relaying.id = id;
  relaying.key = std::move(key);
  relaying.zone = zone;
  relaying.waiters.push_back(std::move(waiter));
  setup_.recursor->ask(std::move(query), transport, std::move(zone),
                       [mailbox = mailbox_, id](Result<std::string> message) {
                         mailbox->post(id, to_finding(std::move(message)));
                       });
  return true;
}

void Responder::Impl::finish(const Relaying& relaying, const FactResult& result, std::span<std::uint8_t> out,
                             const Deliver& deliver) {
  const auto by_key = relays_by_key_.find(relaying.key);
  if (by_key != relays_by_key_.end() && by_key->second == relaying.id) relays_by_key_.erase(by_key);
  relayed_waiting_ -= relaying.waiters.size();
  const Options& options = relaying.zone->options();
  for (const Waiter& waiter : relaying.waiters) {
    Query query;
    parse_query(bytes_of(waiter.bytes), query);
    std::size_t size = 0;
    if (!result.ok()) {
      size = write_failure(query, waiter.transport, options, out);
    } else {
      const Bytes message = bytes_of(*std::get_if<std::string>(&*result));
      size = write_relayed(message, query, packet_rule(query, waiter.transport, options), out);
    }
    deliver(waiter.ticket, out.first(size));
  }
}

std::size_t Responder::Impl::write_failure(const Query& query, Transport transport, const Options& options,
                                           std::span<std::uint8_t> out) {
  const DomainName name = DomainName::from_wire(
      std::string(reinterpret_cast<const char*>(query.name().data()), query.name().size()));
  EncodedAnswer answer(no_recursor_reply(), name, !options.disable_compression);
  return write(answer, query, transport, options, out);
}

void Responder::Impl::keep(std::unique_ptr<Entry> entry, const Zone* zone) {
  if (!entry->key.empty() && zone == setup_.zone.get()) cache_.insert(std::move(entry));
}

void Responder::Impl::collect(std::span<std::uint8_t> out, const Deliver& deliver) {
  for (Mailbox::Letter& letter : mailbox_->take()) {
    if (auto lookup = lookups_.extract(letter.id); !lookup.empty()) {
      resume(std::move(lookup.mapped()), std::move(letter.result), out, deliver);
    } else if (auto relaying = relays_.extract(letter.id); !relaying.empty()) {
      finish(relaying.mapped(), letter.result, out, deliver);
    }
  }
}

void Responder::Impl::resume(std::unique_ptr<Lookup> lookup, FactResult said, std::span<std::uint8_t> out,
                             const Deliver& deliver) {
  std::optional<FactResult> result = std::move(said);
  while (true) {
    Progress progress = advance(*lookup, std::exchange(result, std::nullopt));
    if (std::holds_alternative<Waits>(progress)) {
      const std::uint64_t id = lookup->id;
      lookups_.emplace(id, std::move(lookup));
      return;
    }
    if (std::holds_alternative<Relay>(progress)) {
      end_lookup(*lookup);
      for (Waiter& waiter : lookup->waiters) {
        const Ticket ticket = waiter.ticket;
        Query query;
        const std::string bytes = waiter.bytes;
        const Transport transport = waiter.transport;
        if (relay(lookup->zone, std::move(waiter))) continue;
        parse_query(bytes_of(bytes), query);
        deliver(ticket, out.first(write_failure(query, transport, lookup->zone->options(), out)));
      }
      return;
    }
    if (answer_waiters(*lookup, std::move(*std::get_if<std::unique_ptr<Entry>>(&progress)), out, deliver))
      break;
  }
  end_lookup(*lookup);
}

/// Answers those whom the answer serves. False: others are left, for whom the lookup begins again.
bool Responder::Impl::answer_waiters(Lookup& lookup, std::unique_ptr<Entry> entry,
                                     std::span<std::uint8_t> out, const Deliver& deliver) {
  // Whoever began to wait after a change could be seen must see it.
  const bool outdated = entry->is_superseded() && lookup.waiters.size() > lookup.early_waiters;
  const std::size_t answered = outdated ? lookup.early_waiters : lookup.waiters.size();
  for (std::size_t i = 0; i < answered; ++i) {
    const Waiter& waiter = lookup.waiters[i];
    Query query;
    parse_query(bytes_of(waiter.bytes), query);
    const std::size_t size = write(entry->answer, query, waiter.transport, lookup.zone->options(), out);
    deliver(waiter.ticket, out.first(size));
  }
  waiting_.set(waiting_.get() - answered);
  lookup.waiters.erase(lookup.waiters.begin(),
                       lookup.waiters.begin() + static_cast<std::ptrdiff_t>(answered));
  if (!outdated) {
    keep(std::move(entry), lookup.zone.get());
    return true;
  }
  lookup.early_waiters = lookup.waiters.size();
  lookup.facts.clear();
  lookup.fresh = false;
  return false;
}

void Responder::Impl::end_lookup(const Lookup& lookup) {
  waiting_.set(waiting_.get() - lookup.waiters.size());
  const auto by_key = lookups_by_key_.find(lookup.key);
  if (by_key != lookups_by_key_.end() && by_key->second == lookup.id) lookups_by_key_.erase(by_key);
}

void Responder::Impl::set_zone(std::shared_ptr<const Zone> zone) {
  setup_.zone = std::move(zone);
  cache_.clear();
  lookups_by_key_.clear();  // those that run finish with the zone that they began with
  relays_by_key_.clear();
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
