#include "lib/agent/event_message.h"

#include <cstdint>
#include <utility>

#include "lib/codec/msgpack.h"

namespace discovery::agent {
namespace {

/// The record as the pool carries it: without its time, which is the message's.
struct Carried {
  model::UserEvent event;
};

template <class Archive, codec::Described<Carried> R>
void describe(Archive& archive, R& carried) {
  auto& event = carried.event;
  archive.field("ID", event.id);
  archive.field("n", event.name);
  archive.field("nf", event.node_filter);
  archive.bytes("p", event.payload);
  archive.field("sf", event.service_filter);
  archive.field("tf", event.tag_filter);
  archive.field("v", event.version);
}

/// Writes the forms of MessagePack that codec::MsgpackWriter does not: str8 and bin. Nothing here is longer
/// than 64 KiB.
class Writer {
 public:
  void map(std::size_t size) { out_ += static_cast<char>(0x80U | size); }
  void key(std::string_view name) { fixed(name); }
  void text(std::string_view value) {
    constexpr std::size_t kMaxFixed = 31;
    if (value.size() <= kMaxFixed) return fixed(value);
    sized(value, 0xd9, 0xda);
  }
  void binary(std::string_view value) { sized(value, 0xc4, 0xc5); }
  void small_integer(std::int64_t value) { out_ += static_cast<char>(value); }
  std::string take() && { return std::move(out_); }

 private:
  void fixed(std::string_view value) {
    out_ += static_cast<char>(0xa0U | value.size());
    out_ += value;
  }
  void sized(std::string_view value, unsigned short_form, unsigned long_form) {
    constexpr std::size_t kMaxShort = 255;
    const bool is_short = value.size() <= kMaxShort;
    out_ += static_cast<char>(is_short ? short_form : long_form);
    if (!is_short) out_ += static_cast<char>(value.size() >> 8U & 0xffU);
    out_ += static_cast<char>(value.size() & 0xffU);
    out_ += value;
  }

  std::string out_;
};

}  // namespace

std::string encode_user_event(const model::UserEvent& event) {
  constexpr std::size_t kAlways = 3;
  Writer writer;
  writer.map(kAlways + (event.node_filter.empty() ? 0 : 1) + (event.payload.empty() ? 0 : 1) +
             (event.service_filter.empty() ? 0 : 1) + (event.tag_filter.empty() ? 0 : 1));
  const auto text = [&writer](std::string_view key, std::string_view value) {
    if (value.empty()) return;
    writer.key(key);
    writer.text(value);
  };
  writer.key("ID");
  writer.text(event.id);
  writer.key("n");
  writer.text(event.name);
  text("nf", event.node_filter);
  if (!event.payload.empty()) {
    writer.key("p");
    writer.binary(event.payload);
  }
  text("sf", event.service_filter);
  text("tf", event.tag_filter);
  writer.key("v");
  writer.small_integer(event.version);
  return std::move(writer).take();
}

Result<model::UserEvent> decode_user_event(std::string_view payload) {
  Carried carried;
  if (Status status = codec::from_msgpack(payload, carried); !status.ok()) return status;
  return std::move(carried.event);
}

}  // namespace discovery::agent
