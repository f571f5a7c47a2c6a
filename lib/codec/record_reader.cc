#include "lib/codec/record_reader.h"

#include <cmath>
#include <cstdint>

#include "lib/base/base64.h"
#include "lib/base/duration.h"
#include "lib/base/strings.h"
#include "lib/codec/json_writer.h"

namespace discovery::codec {
namespace {

/// Writes a value with the names of objects sorted and each of them once, so that equal values give equal
/// text. The recursion is bounded by the depth that the tree was parsed with.
void write_canonical(JsonWriter& writer, Value value);

void write_members(JsonWriter& writer, Value object) {
  std::vector<Value> names;
  names.reserve(object.size());
  Value name = object.first();
  for (std::size_t left = object.size(); left > 0; --left, name = name.next().next()) names.push_back(name);
  std::stable_sort(names.begin(), names.end(), [](Value a, Value b) { return a.text() < b.text(); });
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i + 1 < names.size() && names[i].text() == names[i + 1].text()) continue;
    writer.key(names[i].text());
    write_canonical(writer, names[i].next());
  }
}

void write_canonical(JsonWriter& writer, Value value) {
  if (write_plain(writer, value)) return;
  if (value.kind() == Kind::kString) return writer.string(value.text());
  if (value.kind() == Kind::kObject) {
    writer.begin_object();
    write_members(writer, value);
    return writer.end_object();
  }
  writer.begin_array();
  Value element = value.first();
  for (std::size_t left = value.size(); left > 0; --left, element = element.next()) {
    writer.element();
    write_canonical(writer, element);
  }
  writer.end_array();
}

/// Whether a member's name is a field's, without regard to case.
bool is_called(std::string_view member, std::string_view field) {
  return member.size() == field.size() && (member == field || base::equal_ignoring_case(member, field));
}

/// Nanoseconds from a number; a fraction is cut off, as Go's conversion does.
std::optional<Duration> to_nanoseconds(Value number) {
  if (const auto integer = number.to_signed()) return Duration(*integer);
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  const auto real = number.to_real();
  if (!real || !(std::abs(*real) < kLimit)) return std::nullopt;
  return Duration(static_cast<std::int64_t>(*real));
}

}  // namespace

void RecordReader::bytes(std::string_view name, std::string& out, const FieldOptions& options) {
  const auto value = find(name, options.alias);
  if (!value || value->kind() == Kind::kNull) return;
  path_.push_back(name);
  if (expect<std::vector<std::uint8_t>>(*value, Kind::kString)) {
    if (format_ == Format::kMessagePack) {
      out = value->text();
    } else if (Result<std::string> decoded = base::decode_base64(value->text()); decoded.ok()) {
      out = *std::move(decoded);
    } else {
      fail(decoded.status());
    }
  }
  path_.pop_back();
}

void RecordReader::duration(std::string_view name, Duration& out, const FieldOptions& options) {
  const auto value = find(name, options.alias);
  if (!value || value->kind() == Kind::kNull) return;
  path_.push_back(name);
  if (value->kind() == Kind::kString) {
    const auto parsed = base::parse_go_duration(value->text());
    if (parsed.ok()) {
      out = *parsed;
    } else {
      fail(parsed.status());
    }
  } else if (const auto nanoseconds = to_nanoseconds(*value)) {
    out = *nanoseconds;
  } else {
    fail_mismatch(*value, "time.Duration", true);
  }
  path_.pop_back();
}

void RecordReader::read_opaque(Value value, Opaque& out) {
  out.json.clear();
  JsonWriter writer(out.json);
  write_canonical(writer, value);
}

void RecordReader::enter(Value object, std::string_view record) {
  members_ = {object, std::nullopt, object.size(), 0, members_.thorough, record};
  Value name = object.first();
  for (std::size_t left = object.size(); left > 0; --left, name = name.next().next()) name.set_marked(false);
}

std::optional<Value> RecordReader::unread() const {
  if (members_.unmarked == 0) return std::nullopt;
  Value name = members_.object->first();
  for (std::size_t left = members_.object->size(); left > 0; --left, name = name.next().next()) {
    if (!name.marked()) return name;
  }
  return std::nullopt;
}

std::optional<Value> RecordReader::find(std::string_view name, std::string_view alias) {
  if (!status_.ok() || !members_.object) return std::nullopt;
  std::optional<Value> found;
  if (members_.unmarked == 0 && !members_.thorough) return found;  // all that is there was found
  for (std::size_t left = members_.object->size(); left > 0; --left) {
    if (members_.left == 0) {
      members_.next = members_.object->first();
      members_.left = members_.object->size();
    }
    Value candidate = *members_.next;
    members_.next = candidate.next().next();
    --members_.left;
    if (!is_called(candidate.text(), name) && (alias.empty() || !is_called(candidate.text(), alias)))
      continue;
    if (!candidate.marked()) --members_.unmarked;
    candidate.set_marked(true);
    found = candidate.next();
    if (!members_.thorough) break;
  }
  return found;
}

void RecordReader::fail(Status status) {
  if (status_.ok()) status_ = std::move(status);
}

void RecordReader::fail_mismatch(Value value, const std::string& go_type, bool show_number) {
  std::string message = format_ == Format::kJson ? "json: cannot unmarshal " : "msgpack: cannot unmarshal ";
  message += to_string(value.kind());
  if (show_number && value.kind() == Kind::kDigits) message.append(" ").append(value.text());
  if (path_.empty()) {
    message += " into Go value of type ";
  } else {
    message.append(" into Go struct field ").append(members_.record);
    for (const std::string_view name : path_) message.append(".").append(name);
    message += " of type ";
  }
  fail(invalid_argument(message + go_type));
}

void RecordReader::refuse_unknown() {
  if (ignore_unknown_fields_ || !status_.ok()) return;
  if (const auto name = unread())
    fail(invalid_argument("json: unknown field " + base::go_quote(name->text())));
}

}  // namespace discovery::codec
