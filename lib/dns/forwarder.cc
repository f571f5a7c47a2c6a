#include "lib/dns/forwarder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

namespace discovery::dns {
namespace {

constexpr std::size_t kLengthBytes = 2;

Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

void set_id(std::string& message, std::uint16_t id) {
  message[0] = static_cast<char>(id >> 8);
  message[1] = static_cast<char>(id);
}

std::uint16_t word_at(Bytes message, std::size_t at) {
  return static_cast<std::uint16_t>(message[at] << 8 | message[at + 1]);
}

enum class Judgement : std::uint8_t {
  kNotMeant,  ///< something else, or forged
  kRefusal,   ///< this server does not help
  kAnswer,
};

std::uint8_t lower(std::uint8_t byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<std::uint8_t>(byte | 0x20) : byte;
}

/// What a message is to a query that was sent; `question` is the query's.
Judgement judge(Bytes message, Bytes query, Bytes question) {
  if (message.size() < kHeaderBytes || word_at(message, 0) != word_at(query, 0)) return Judgement::kNotMeant;
  const std::uint16_t flags = word_at(message, 2);
  if ((flags & kResponseFlag) == 0) return Judgement::kNotMeant;
  const auto rcode = static_cast<Rcode>(flags & 15);
  const bool helps = rcode == Rcode::kNoError || rcode == Rcode::kNameError;
  // Who can't read a query may leave out its question.
  if (word_at(message, 4) == 0) return helps ? Judgement::kNotMeant : Judgement::kRefusal;
  const Bytes echoed = message.subspan(kHeaderBytes);
  const bool same = echoed.size() >= question.size() &&
                    std::equal(question.begin(), question.end(), echoed.begin(),
                               [](std::uint8_t a, std::uint8_t b) { return lower(a) == lower(b); });
  if (!same) return Judgement::kNotMeant;
  return helps ? Judgement::kAnswer : Judgement::kRefusal;
}

}  // namespace

/// One query on its way. It ends, and is destroyed, inside finish().
class Forwarder::Exchange {
 public:
  Exchange(Forwarder& owner, std::string query, Transport transport, const Zone& zone, Done done)
      : owner_(owner),
        query_(std::move(query)),
        transport_(transport),
        timeout_(zone.options().recursors.timeout),
        servers_(zone.options().recursors.servers),
        done_(std::move(done)),
        timer_(owner.env_.make_timer()) {
    Query parsed;
    parse_query(bytes_of(query_), parsed);
    client_id_ = parsed.id;
    question_ = parsed.question;  // stays where it is: query_ is not resized
    if (!zone.options().recursors.shuffled) return;
    for (std::size_t i = servers_.size(); i > 1; --i) {
      std::swap(servers_[i - 1], servers_[owner_.env_.random().below(i)]);
    }
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  void start(Exchanges::iterator place) {
    place_ = place;
    try_next();
  }

 private:
  void try_next();
  void ask_by_datagram();
  void ask_by_stream();
  void read_stream();
  void finish(Result<std::string> result);
  void take(std::string message);

  Forwarder& owner_;
  std::string query_;
  const Transport transport_;
  const Duration timeout_;
  std::vector<ServerAddress> servers_;
  Done done_;
  std::uint16_t client_id_ = 0;
  Bytes question_;
  Exchanges::iterator place_;

  std::size_t next_ = 0;       // of servers_
  std::uint64_t attempt_ = 0;  // callbacks of an earlier one mean nothing any more
  env::Endpoint server_;
  std::unique_ptr<env::Timer> timer_;
  std::unique_ptr<env::DatagramSocket> socket_;
  std::unique_ptr<env::Stream> stream_;
  std::string out_;
  std::string in_;
  std::size_t filled_ = 0;
  /// Points here as long as this is here: a connection under way asks it.
  std::shared_ptr<Exchange*> self_ = std::make_shared<Exchange*>(this);
};

void Forwarder::Exchange::try_next() {
  socket_ = nullptr;
  stream_ = nullptr;
  ++attempt_;
  if (next_ == servers_.size()) {
    owner_.tally_.failed.fetch_add(1, std::memory_order_relaxed);
    return finish(Status(Code::kUnavailable, "no recursor answered"));
  }
  owner_.tally_.attempts.fetch_add(1, std::memory_order_relaxed);
  const ServerAddress& server = servers_[next_++];
  server_ = {server.ip.to_text(), server.port};
  set_id(query_, static_cast<std::uint16_t>(owner_.env_.random().next()));
  timer_->start(timeout_, [this] { try_next(); });
  if (transport_ == Transport::kUdp) {
    ask_by_datagram();
  } else {
    ask_by_stream();
  }
}

void Forwarder::Exchange::ask_by_datagram() {
  const bool v4 = server_.address.find(':') == std::string::npos;
  auto socket = owner_.env_.bind({v4 ? "0.0.0.0" : "::", 0}, {});
  if (!socket.ok()) {  // perhaps there is no such family here; not in a loop of calls, whatever happens
    timer_->start(Duration::zero(), [this] { try_next(); });
    return;
  }
  socket_ = *std::move(socket);
  socket_->start([this](env::Datagram& datagram) {
    if (datagram.peer == server_) take(std::move(datagram.bytes));
  });
  socket_->send(server_, query_);
}

void Forwarder::Exchange::ask_by_stream() {
  owner_.env_.connect(
      server_, timeout_,
      [weak = std::weak_ptr(self_), attempt = attempt_](Result<std::unique_ptr<env::Stream>> stream) {
        const auto self = weak.lock();
        if (!self || (*self)->attempt_ != attempt) return;
        Exchange& exchange = **self;
        if (!stream.ok()) return exchange.try_next();
        exchange.stream_ = *std::move(stream);
        const std::size_t size = exchange.query_.size();
        exchange.out_ = {static_cast<char>(size >> 8), static_cast<char>(size)};
        exchange.out_ += exchange.query_;
        exchange.in_.resize(kLengthBytes + kMaxMessageBytes);
        exchange.filled_ = 0;
        const std::array<std::string_view, 1> pieces{exchange.out_};
        exchange.stream_->write(pieces, [&exchange](const Status& status) {
          if (!status.ok()) exchange.try_next();
        });
        exchange.read_stream();
      });
}

void Forwarder::Exchange::read_stream() {
  stream_->read_some({in_.data() + filled_, in_.size() - filled_}, [this](Result<std::size_t> got) {
    if (!got.ok() || *got == 0) return try_next();
    filled_ += *got;
    if (filled_ < kLengthBytes) return read_stream();
    const std::size_t size = word_at(bytes_of(in_), 0);
    if (filled_ < kLengthBytes + size) return read_stream();
    // Nobody but the server could send this: what does not fit the query ends the attempt.
    const std::uint64_t attempt = attempt_;
    const std::weak_ptr<Exchange*> weak = self_;
    take(in_.substr(kLengthBytes, size));
    if (!weak.expired() && attempt_ == attempt) try_next();
  });
}

void Forwarder::Exchange::take(std::string message) {
  switch (judge(bytes_of(message), bytes_of(query_), question_)) {
    case Judgement::kNotMeant:
      return;
    case Judgement::kRefusal:
      return try_next();
    case Judgement::kAnswer:
      set_id(message, client_id_);
      return finish(std::move(message));
  }
}

void Forwarder::Exchange::finish(Result<std::string> result) {
  Done done = std::move(done_);
  owner_.under_way_.erase(place_);  // this is gone now
  done(std::move(result));
}

Forwarder::Forwarder(env::Env& env) : env_(env) {}

Forwarder::~Forwarder() = default;

void Forwarder::ask(std::string query, Transport transport, std::shared_ptr<const Zone> zone, Done done) {
  if (env_.on_loop()) return begin(std::move(query), transport, zone, std::move(done));
  env_.post([weak = std::weak_ptr(self_), query = std::move(query), transport, zone = std::move(zone),
             done = std::move(done)]() mutable {
    if (const auto self = weak.lock()) {
      (*self)->begin(std::move(query), transport, zone, std::move(done));
    }
  });
}

void Forwarder::begin(std::string query, Transport transport, const std::shared_ptr<const Zone>& zone,
                      Done done) {
  if (under_way_.size() >= kMaxUnderWay) {
    tally_.refused.fetch_add(1, std::memory_order_relaxed);
    return done(Status(Code::kResourceExhausted, "too many queries wait for recursors"));
  }
  tally_.asked.fetch_add(1, std::memory_order_relaxed);
  under_way_.push_front(
      std::make_unique<Exchange>(*this, std::move(query), transport, *zone, std::move(done)));
  under_way_.front()->start(under_way_.begin());
}

Forwarder::Counters Forwarder::counters() const noexcept {
  const auto read = [](const std::atomic<std::uint64_t>& count) {
    return count.load(std::memory_order_relaxed);
  };
  return {read(tally_.asked), read(tally_.attempts), read(tally_.failed), read(tally_.refused)};
}

}  // namespace discovery::dns
