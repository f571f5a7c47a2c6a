#include "lib/dns/datagram_server.h"

#include <string_view>
#include <utility>

#include "lib/dns/message.h"

namespace discovery::dns {
namespace {

std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace

DatagramServer::DatagramServer(env::Env& env, std::unique_ptr<env::DatagramSocket> socket,
                               ResponderSetup setup)
    : socket_(std::move(socket)),
      responder_(std::move(setup),
                 [&env, weak = std::weak_ptr(self_)] {
                   env.post([weak] {
                     if (const auto self = weak.lock()) (*self)->collect();
                   });
                 }),
      buffer_(kMaxMessageBytes) {
  socket_->start([this](env::Datagram& datagram) { on_datagram(datagram); });
}

DatagramServer::~DatagramServer() = default;

void DatagramServer::on_datagram(env::Datagram& datagram) {
  const Bytes query(reinterpret_cast<const std::uint8_t*>(datagram.bytes.data()), datagram.bytes.size());
  const auto outcome = responder_.respond(query, Transport::kUdp, buffer_);
  if (outcome.size > 0) socket_->send(datagram.peer, as_text(Bytes(buffer_).first(outcome.size)));
  if (outcome.ticket != 0) waiting_.emplace(outcome.ticket, std::move(datagram.peer));
}

void DatagramServer::collect() {
  responder_.collect(buffer_, [this](Responder::Ticket ticket, Bytes answer) {
    const auto client = waiting_.find(ticket);
    if (client == waiting_.end()) return;
    socket_->send(client->second, as_text(answer));
    waiting_.erase(client);
  });
}

}  // namespace discovery::dns
