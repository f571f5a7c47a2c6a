// Floods a DNS server on loopback with what no well-behaved client sends, at full speed, while one client
// asks in earnest. See dns_flood.py, which runs it against an agent.
//
//   dns_flood PORT PACKETS SEED NAME ADDRESS     NAME is asked in earnest, and has the one address ADDRESS
//
// Prints one line of JSON; exits with 1 if the earnest client went without an answer or got a wrong one, or
// if an answer was larger than its query allowed.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "lib/dns/message.h"

namespace discovery::dns {
namespace {

using Bits = std::mt19937_64;

constexpr std::size_t kBatch = 64;
constexpr std::size_t kSockets = 16;
constexpr std::size_t kPlainBytes = 512;
constexpr int kTries =
    30;  // a flood fills the queue of the socket: some packets are lost, whoever sends them
constexpr int kTryMs = 300;
constexpr std::chrono::milliseconds kPace(2);

std::string query_for(const std::string& text, Type type, std::uint16_t id, std::uint16_t edns) {
  Message message;
  message.id = id;
  message.flags = kRecursionDesiredFlag;
  message.questions.push_back({DomainName::parse(text).value_or(DomainName()), type});
  if (edns != 0) message.additional.push_back({DomainName(), Type::kOpt, edns, 0, RawData{}});
  return encode(message, false);
}

int connected_socket(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    throw std::system_error(errno, std::generic_category(), "dns_flood: socket");
  }
  return fd;
}

/// Makes packets. Those of the first kind can only be asked without EDNS; the others may be anything.
class Mischief {
 public:
  explicit Mischief(std::uint64_t seed) : random_(seed) {
    for (const char* name : {"many.service.consul", "web.service.consul", "n1.node.consul", "consul",
                             "7f000001.addr.consul", "_web._tcp.service.consul", "1.2.0.192.in-addr.arpa",
                             "www.example.org", "none.service.dc9.consul"}) {
      for (const Type type : {Type::kA, Type::kAaaa, Type::kSrv, Type::kTxt, Type::kAny, Type::kSoa,
                              Type::kNs, Type::kPtr, Type::kAxfr}) {
        plain_.push_back(query_for(name, type, 0, 0));
        rich_.push_back(query_for(name, type, 0, 4096));
      }
    }
  }

  std::string plain() {
    std::string packet = pick(plain_);
    if (below(4) == 0) return query_for(random_name(), Type::kA, id(), 0);
    put_id(packet);
    for (std::size_t i = below(4); i > 0; --i) {  // in the flags or the question, never in the counts
      const std::size_t at =
          below(2) == 0 ? 2 + below(2) : kHeaderBytes + below(packet.size() - kHeaderBytes);
      packet[at] = static_cast<char>(random_());
    }
    return packet;
  }

  std::string anything() {
    if (below(4) == 0) return random_bytes(below(600));
    std::string packet = pick(rich_);
    put_id(packet);
    for (std::size_t i = below(6); i > 0; --i) packet[below(packet.size())] = static_cast<char>(random_());
    if (below(8) == 0) packet.resize(below(packet.size()) + 1);
    if (below(8) == 0) packet += random_bytes(below(200));
    return packet;
  }

 private:
  std::size_t below(std::size_t bound) { return random_() % bound; }
  std::uint16_t id() { return static_cast<std::uint16_t>(random_()); }
  const std::string& pick(const std::vector<std::string>& from) { return from[below(from.size())]; }
  void put_id(std::string& packet) {
    packet[0] = static_cast<char>(random_());
    packet[1] = static_cast<char>(random_());
  }
  std::string random_bytes(std::size_t size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_());
    return bytes;
  }
  std::string random_name() {
    std::string name;
    for (std::size_t labels = 1 + below(3); labels > 0; --labels) {
      for (std::size_t i = 1 + below(20); i > 0; --i) name += static_cast<char>('a' + below(26));
      name += '.';
    }
    return name + "service.consul";
  }

  Bits random_;
  std::vector<std::string> plain_, rich_;
};

struct Totals {
  std::uint64_t sent = 0, sent_bytes = 0, answers = 0, answer_bytes = 0, largest_plain = 0, largest = 0;
};

/// Takes what has come, without waiting.
void drain(int fd, bool plain, Totals& totals) {
  static thread_local std::vector<char> buffer(kMaxMessageBytes);
  while (true) {
    const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0) return;
    const auto bytes = static_cast<std::uint64_t>(size);
    ++totals.answers;
    totals.answer_bytes += bytes;
    totals.largest = std::max(totals.largest, bytes);
    if (plain) totals.largest_plain = std::max(totals.largest_plain, bytes);
  }
}

Totals flood(std::uint16_t port, std::uint64_t packets, std::uint64_t seed) {
  Mischief mischief(seed);
  std::vector<int> sockets;
  for (std::size_t i = 0; i < kSockets; ++i) sockets.push_back(connected_socket(port));
  Totals totals;
  std::array<std::string, kBatch> batch;
  std::array<iovec, kBatch> pieces{};
  std::array<mmsghdr, kBatch> headers{};
  for (std::size_t turn = 0; totals.sent < packets; ++turn) {
    const std::size_t socket = turn % kSockets;
    const bool plain = socket % 2 == 0;
    for (std::size_t i = 0; i < kBatch; ++i) {
      batch[i] = plain ? mischief.plain() : mischief.anything();
      pieces[i] = {batch[i].data(), batch[i].size()};
      headers[i].msg_hdr = {};
      headers[i].msg_hdr.msg_iov = &pieces[i];
      headers[i].msg_hdr.msg_iovlen = 1;
      totals.sent_bytes += batch[i].size();
    }
    const int sent = ::sendmmsg(sockets[socket], headers.data(), kBatch, 0);
    totals.sent += static_cast<std::uint64_t>(std::max(sent, 0));
    drain(sockets[socket], plain, totals);
  }
  for (std::size_t i = 0; i < kSockets; ++i) {
    drain(sockets[i], i % 2 == 0, totals);
    ::close(sockets[i]);
  }
  return totals;
}

/// Asks for one name again and again, as a resolver would.
class EarnestClient {
 public:
  EarnestClient(std::uint16_t port, std::string name, const std::string& address)
      : fd_(connected_socket(port)), name_(std::move(name)), address_(*IpAddress::parse(address)) {}
  ~EarnestClient() { ::close(fd_); }
  EarnestClient(const EarnestClient&) = delete;
  EarnestClient& operator=(const EarnestClient&) = delete;

  void run(const std::atomic<bool>& stop) {
    do {
      ask();
      std::this_thread::sleep_for(kPace);  // its own pace, so that most of the machine is the flood's
    } while (!stop.load());
  }

  std::uint64_t asked = 0, unanswered = 0, wrong = 0, retries = 0;

 private:
  void ask() {
    ++asked;
    for (int i = 0; i < kTries; ++i) {
      const std::string query = query_for(name_, Type::kA, ++id_, 1232);
      if (::send(fd_, query.data(), query.size(), 0) < 0) continue;
      if (receive()) return;
      ++retries;
    }
    ++unanswered;
  }
  bool receive() {
    std::array<std::uint8_t, 4096> buffer{};
    pollfd ready{fd_, POLLIN, 0};
    while (::poll(&ready, 1, kTryMs) == 1) {
      const ssize_t size = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (size < 0) continue;
      const auto answer = decode({buffer.data(), static_cast<std::size_t>(size)});
      if (answer.ok() && answer->id != id_) continue;  // of an earlier try
      const bool right =
          answer.ok() && answer->answers.size() == 1 && answer->answers[0].data == RecordData(address_);
      if (!right) ++wrong;
      return true;
    }
    return false;
  }

  int fd_;
  std::string name_;
  IpAddress address_;
  std::uint16_t id_ = 0;
};

int run(char** arguments) {
  const auto port = static_cast<std::uint16_t>(std::strtoul(arguments[1], nullptr, 10));
  EarnestClient client(port, arguments[4], arguments[5]);
  std::atomic<bool> stop{false};
  std::thread earnest([&] { client.run(stop); });
  const auto begun = std::chrono::steady_clock::now();
  const Totals totals =
      flood(port, std::strtoull(arguments[2], nullptr, 10), std::strtoull(arguments[3], nullptr, 10));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  stop.store(true);
  earnest.join();
  std::printf(
      "{\"packets\": %llu, \"seconds\": %.1f, \"bytes\": %llu, \"answers\": %llu, \"answer_bytes\": %llu, "
      "\"largest_plain\": %llu, \"largest\": %llu, \"asked\": %llu, \"retries\": %llu, \"unanswered\": %llu, "
      "\"wrong\": %llu}\n",
      static_cast<unsigned long long>(totals.sent), took.count(),
      static_cast<unsigned long long>(totals.sent_bytes), static_cast<unsigned long long>(totals.answers),
      static_cast<unsigned long long>(totals.answer_bytes),
      static_cast<unsigned long long>(totals.largest_plain), static_cast<unsigned long long>(totals.largest),
      static_cast<unsigned long long>(client.asked), static_cast<unsigned long long>(client.retries),
      static_cast<unsigned long long>(client.unanswered), static_cast<unsigned long long>(client.wrong));
  return client.unanswered == 0 && client.wrong == 0 && totals.largest_plain <= kPlainBytes ? 0 : 1;
}

}  // namespace
}  // namespace discovery::dns

int main(int count, char** arguments) {
  constexpr int kArguments = 6;
  if (count != kArguments) {
    std::fprintf(stderr, "usage: dns_flood PORT PACKETS SEED NAME ADDRESS\n");
    return 2;
  }
  return discovery::dns::run(arguments);
}
