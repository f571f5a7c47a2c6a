#include "lib/codec/msgpack.h"

#include <algorithm>
#include <bit>
#include <exception>
#include <limits>
#include <utility>

#include <msgpack.hpp>

#include "lib/codec/json_reader.h"

namespace discovery::codec {
namespace {

/// What msgpack-cxx writes to.
struct Output {
  std::string& out;
  void write(const char* bytes, std::size_t size) { out.append(bytes, size); }
};

using Packer = msgpack::packer<Output>;

constexpr std::size_t kMaxLength = std::numeric_limits<std::uint32_t>::max();

std::uint32_t clamp_length(std::size_t size) {
  return static_cast<std::uint32_t>(std::min(size, kMaxLength));
}

/// Passes msgpack-cxx's events on. What returns false ends the parsing.
class Events : public msgpack::null_visitor {
 public:
  explicit Events(TreeBuilder& builder) : builder_(builder) {}

  const char* error() const { return error_; }

  bool visit_nil() { return value() && (builder_.null(), true); }
  bool visit_boolean(bool truth) { return value() && (builder_.boolean(truth), true); }
  bool visit_positive_integer(std::uint64_t number) {
    return value() && (builder_.unsigned_integer(number), true);
  }
  bool visit_negative_integer(std::int64_t number) {
    return value() && (builder_.signed_integer(number), true);
  }
  bool visit_float32(float number) { return value() && (builder_.real(static_cast<double>(number)), true); }
  bool visit_float64(double number) { return value() && (builder_.real(number), true); }
  bool visit_str(const char* text, std::uint32_t size) { return builder_.string({text, size}), true; }
  bool visit_bin(const char* text, std::uint32_t size) { return visit_str(text, size); }
  bool visit_ext(const char*, std::uint32_t) { return fail("msgpack: extension types are not known"); }
  bool start_array(std::uint32_t size) { return value() && open(Kind::kArray, size); }
  bool end_array() { return close(); }
  bool start_map(std::uint32_t size) { return value() && open(Kind::kObject, size); }
  bool end_map() { return close(); }
  bool start_map_key() { return (in_key_ = true); }
  bool end_map_key() { return in_key_ = false, true; }
  void parse_error(std::size_t, std::size_t) { fail("msgpack: not a value"); }
  void insufficient_bytes(std::size_t, std::size_t) { fail("msgpack: unexpected end"); }

 private:
  /// Anything but a string: it may not be the key of a map.
  bool value() { return !in_key_ || fail("msgpack: a map key is not a string"); }
  bool open(Kind kind, std::uint32_t size) {
    sizes_.push_back(size);
    return builder_.open(kind) || fail("msgpack: nested too deep");
  }
  bool close() {
    builder_.close(sizes_.back());
    sizes_.pop_back();
    return true;
  }
  bool fail(const char* error) {
    if (error_ == nullptr) error_ = error;
    return false;
  }

  TreeBuilder& builder_;
  std::vector<std::uint32_t> sizes_;
  bool in_key_ = false;
  const char* error_ = nullptr;
};

void write_value(MsgpackWriter& writer, Value value);

void write_children(MsgpackWriter& writer, Value container, std::size_t count) {
  Value child = container.first();
  for (; count > 0; --count, child = child.next()) write_value(writer, child);
}

/// The recursion is bounded by the depth that the tree was parsed with.
void write_value(MsgpackWriter& writer, Value value) {
  if (write_plain(writer, value)) return;
  if (value.kind() == Kind::kString) return writer.raw(value.text());
  if (value.kind() == Kind::kArray) {
    writer.array(value.size());
    return write_children(writer, value, value.size());
  }
  writer.map(value.size());
  write_children(writer, value, 2 * value.size());
}

}  // namespace

void MsgpackWriter::map(std::size_t size) {
  Output output{out_};
  Packer(output).pack_map(clamp_length(size));
}

void MsgpackWriter::array(std::size_t size) {
  Output output{out_};
  Packer(output).pack_array(clamp_length(size));
}

void MsgpackWriter::null() {
  Output output{out_};
  Packer(output).pack_nil();
}

void MsgpackWriter::boolean(bool value) {
  Output output{out_};
  value ? Packer(output).pack_true() : Packer(output).pack_false();
}

void MsgpackWriter::integer(std::int64_t value) {
  Output output{out_};
  Packer(output).pack_int64(value);
}

void MsgpackWriter::integer(std::uint64_t value) {
  Output output{out_};
  Packer(output).pack_uint64(value);
}

void MsgpackWriter::number(double value) {
  // The library would write whole numbers as integers.
  constexpr char kFloat64 = '\xCB';
  const auto bits = std::bit_cast<std::uint64_t>(value);
  out_ += kFloat64;
  for (int shift = 56; shift >= 0; shift -= 8) out_ += static_cast<char>(bits >> shift & 0xFF);
}

void MsgpackWriter::raw(std::string_view bytes) {
  Output output{out_};
  const std::uint32_t length = clamp_length(bytes.size());
  Packer(output).pack_v4raw(length).pack_v4raw_body(bytes.data(), length);
}

void MsgpackWriter::json(std::string_view text) {
  Result<Tree> tree = parse_json(text, {.max_depth = kMaxMessageDepth});
  if (!tree) return null();
  write_value(*this, tree->root());
}

Result<Tree> parse_msgpack(std::string_view message, std::size_t& taken) {
  // A stream may go on behind the value; within one value the positions must fit the tree.
  const std::string_view window = message.substr(0, kMaxTreeBytes);
  TreeBuilder builder(window, kMaxMessageDepth);
  Events events(builder);
  taken = 0;
  bool parsed = false;
  try {
    parsed = msgpack::parse(window.data(), window.size(), taken, events);
  } catch (const std::exception&) {
    // The library throws on lengths that overflow.
  }
  if (parsed) return std::move(builder).finish();
  if (window.size() < message.size()) {
    return Status(Code::kResourceExhausted,
                  "msgpack: a value of more than " + std::to_string(kMaxTreeBytes) + " bytes");
  }
  return invalid_argument(events.error() != nullptr ? events.error() : "msgpack: not a value");
}

}  // namespace discovery::codec
