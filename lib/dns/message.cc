#include "lib/dns/message.h"

#include <algorithm>

namespace discovery::dns {
namespace {

constexpr std::uint8_t kPointerBits = 0xC0;
constexpr std::uint32_t kLaterBases = Writer::kTargetBase | Writer::kExtraBase;

// The limits on a query's other sections: an IXFR may carry a SOA record, others OPT and a signature.
constexpr std::uint16_t kMaxQueryAnswers = 1;
constexpr std::uint16_t kMaxQueryAuthority = 1;
constexpr std::uint16_t kMaxQueryAdditional = 2;

constexpr std::uint16_t kQueryOpcode = 0;
constexpr std::uint16_t kNotifyOpcode = 4U << 11;
constexpr std::uint16_t kClientSubnetOption = 8;

/// Reads within bounds; what would pass the end fails, and all after it.
class Reader {
 public:
  explicit Reader(Bytes bytes, std::size_t at = 0) : bytes_(bytes), at_(at) {}

  bool ok() const noexcept { return ok_; }
  std::size_t at() const noexcept { return at_; }
  std::size_t left() const noexcept { return bytes_.size() - at_; }

  std::uint8_t u8() { return take(1) ? bytes_[at_ - 1] : std::uint8_t{0}; }
  std::uint16_t u16() {
    if (!take(2)) return 0;
    return static_cast<std::uint16_t>(bytes_[at_ - 2] << 8 | bytes_[at_ - 1]);
  }
  std::uint32_t u32() {
    const std::uint32_t high = u16();
    return high << 16 | u16();
  }
  Bytes raw(std::size_t count) { return take(count) ? bytes_.subspan(at_ - count, count) : Bytes(); }

  /// Passes a name without following its pointer.
  void skip_name() {
    while (ok_) {
      const std::uint8_t size = u8();
      if (size == 0) return;
      if (size >= kPointerBits) {
        take(1);
        return;
      }
      if (size > DomainName::kMaxLabel) ok_ = false;
      take(size);
    }
  }

  /// A name with pointers. Each pointer must lead to before where the last one led, so that there is no loop.
  DomainName name() {
    std::string wire;
    Reader label(bytes_, at_);
    std::size_t lowest = at_;
    bool jumped = false;
    while (label.ok_) {
      const std::uint8_t size = label.u8();
      if (size >= kPointerBits) {
        const std::size_t target = static_cast<std::size_t>(size & ~kPointerBits) << 8 | label.u8();
        if (!jumped) at_ = label.at_;
        jumped = true;
        if (!label.ok_ || target >= lowest) break;
        lowest = target;
        label.at_ = target;
        continue;
      }
      if (!label.ok_ || size > DomainName::kMaxLabel) break;
      const Bytes text = label.raw(size);
      if (!label.ok_ || wire.size() + size + 1 > DomainName::kMaxBytes) break;
      wire += static_cast<char>(size);
      wire.append(reinterpret_cast<const char*>(text.data()), text.size());
      if (size == 0) {
        if (!jumped) at_ = label.at_;
        return DomainName::from_wire(std::move(wire));
      }
    }
    ok_ = false;
    return {};
  }

 private:
  bool take(std::size_t count) {
    if (!ok_ || count > left()) return ok_ = false;
    at_ += count;
    return true;
  }

  Bytes bytes_;
  std::size_t at_;
  bool ok_ = true;
};

/// Keeps the client subnet as an answer shows it; false if it is malformed (RFC 7871, section 6).
bool keep_subnet(Bytes option, Query& query) {
  if (option.size() < 4) return false;
  const std::size_t family = static_cast<std::size_t>(option[0]) << 8 | option[1];
  const std::size_t mask = option[2];
  const std::size_t max_mask = family == 1 ? 32 : family == 2 ? 128 : 0;
  if (family > 2 || mask > max_mask) return false;
  const std::size_t address_size = (mask + 7) / 8;
  query.subnet.fill(0);
  std::copy_n(option.begin(), 3, query.subnet.begin());
  const Bytes address = option.subspan(4);
  std::copy_n(address.begin(), std::min(address_size, address.size()), query.subnet.begin() + 4);
  if (mask % 8 != 0) query.subnet[3 + address_size] &= static_cast<std::uint8_t>(0xFF << (8 - mask % 8));
  query.subnet_size = static_cast<std::uint8_t>(4 + address_size);
  return true;
}

bool read_options(Bytes options, Query& query) {
  Reader in(options);
  while (in.left() > 0) {
    const std::uint16_t code = in.u16();
    const Bytes data = in.raw(in.u16());
    if (!in.ok()) return false;
    if (code == kClientSubnetOption && query.subnet_size == 0 && !keep_subnet(data, query)) return false;
  }
  return true;
}

bool read_other_records(Reader& in, std::size_t count, Query& query) {
  for (; count > 0; --count) {
    in.skip_name();
    const auto type = static_cast<Type>(in.u16());
    const std::uint16_t record_class = in.u16();
    in.u32();
    const Bytes data = in.raw(in.u16());
    if (!in.ok()) return false;
    if (type == Type::kOpt) {
      query.edns = true;
      query.udp_size = record_class;
      if (!read_options(data, query)) return false;
    }
  }
  return true;
}

bool has_name(Type type) { return type == Type::kCname || type == Type::kNs || type == Type::kPtr; }

RecordData read_data(Reader& in, Type type, std::size_t size) {
  const std::size_t end = in.at() + size;
  if (type == Type::kA || type == Type::kAaaa) {
    const Bytes bytes = in.raw(type == Type::kA ? 4 : 16);
    return IpAddress::from_bytes(bytes).value_or(IpAddress());
  }
  if (has_name(type)) return in.name();
  if (type == Type::kSrv) {
    Srv srv;
    srv.priority = in.u16();
    srv.weight = in.u16();
    srv.port = in.u16();
    srv.target = in.name();
    return srv;
  }
  if (type == Type::kSoa) {
    Soa soa;
    soa.server = in.name();
    soa.contact = in.name();
    for (std::uint32_t* field : {&soa.serial, &soa.refresh, &soa.retry, &soa.expire, &soa.minimum})
      *field = in.u32();
    return soa;
  }
  if (type == Type::kTxt) {
    Txt txt;
    while (in.ok() && in.at() < end) {
      const Bytes text = in.raw(in.u8());
      txt.strings.emplace_back(text.begin(), text.end());
    }
    return txt;
  }
  const Bytes raw = in.raw(size);
  return RawData{std::string(raw.begin(), raw.end())};
}

bool read_section(Reader& in, std::size_t count, std::vector<Record>& records) {
  for (; count > 0; --count) {
    Record record;
    record.owner = in.name();
    record.type = static_cast<Type>(in.u16());
    record.record_class = in.u16();
    record.ttl = in.u32();
    const std::size_t size = in.u16();
    if (!in.ok() || size > in.left()) return false;
    const std::size_t end = in.at() + size;
    record.data = read_data(in, record.type, size);
    if (!in.ok() || in.at() != end) return false;
    records.push_back(std::move(record));
  }
  return true;
}

}  // namespace

Verdict parse_query(Bytes bytes, Query& query) {
  if (bytes.size() < kHeaderBytes) return Verdict::kDrop;
  query = Query{};
  Reader in(bytes);
  query.id = in.u16();
  query.flags = in.u16();
  if ((query.flags & kResponseFlag) != 0) return Verdict::kDrop;
  const std::uint16_t opcode = query.flags & kOpcodeMask;
  if (opcode != kQueryOpcode && opcode != kNotifyOpcode) return Verdict::kNotImplemented;
  const std::uint16_t questions = in.u16();
  const std::uint16_t answers = in.u16();
  const std::uint16_t authority = in.u16();
  const std::uint16_t additional = in.u16();
  if (questions != 1 || answers > kMaxQueryAnswers || authority > kMaxQueryAuthority ||
      additional > kMaxQueryAdditional) {
    return Verdict::kFormatError;
  }
  std::uint8_t label = 0;
  do {
    label = in.u8();
    if (label > DomainName::kMaxLabel) return Verdict::kFormatError;
    in.raw(label);
  } while (label != 0 && in.ok());
  if (in.at() - kHeaderBytes > DomainName::kMaxBytes) return Verdict::kFormatError;
  query.type = static_cast<Type>(in.u16());
  in.u16();  // the class: any will do
  if (!in.ok()) return Verdict::kFormatError;
  query.question = bytes.subspan(kHeaderBytes, in.at() - kHeaderBytes);
  const std::size_t others = std::size_t{answers} + authority + additional;
  return read_other_records(in, others, query) ? Verdict::kAnswer : Verdict::kFormatError;
}

std::size_t write_error(const Query& query, Rcode rcode, std::span<std::uint8_t> out) {
  if (out.size() < kHeaderBytes) return 0;
  static constexpr std::uint16_t kKept = kTruncatedFlag | kRecursionDesiredFlag | kRecursionAvailableFlag |
                                         kAuthenticDataFlag | kCheckingDisabledFlag;
  std::uint16_t flags = kResponseFlag | (query.flags & kKept) | static_cast<std::uint16_t>(rcode);
  if (rcode == Rcode::kNotImplemented) flags |= query.flags & kOpcodeMask;
  std::fill_n(out.begin(), kHeaderBytes, std::uint8_t{0});
  out[0] = static_cast<std::uint8_t>(query.id >> 8);
  out[1] = static_cast<std::uint8_t>(query.id);
  out[2] = static_cast<std::uint8_t>(flags >> 8);
  out[3] = static_cast<std::uint8_t>(flags);
  return kHeaderBytes;
}

Record address_record(DomainName owner, std::uint32_t ttl, const IpAddress& address) {
  return {std::move(owner), address.is_v4() ? Type::kA : Type::kAaaa, kClassInternet, ttl, address};
}

void NameTable::add_whole(const DomainName& name, std::uint32_t offset) {
  if (!name.is_root() && offsets_.emplace(name.wire(), offset).second) added_.push_back(name.wire());
}

void NameTable::add(const DomainName& name, std::uint32_t offset) {
  const std::string& wire = name.wire();
  for (std::size_t at = 0; wire[at] != 0; at += static_cast<std::uint8_t>(wire[at]) + 1U) {
    const auto where = static_cast<std::uint32_t>(offset + at);
    if ((where & ~kLaterBases) >= kPointerReach) return;
    std::string suffix = wire.substr(at);
    if (!offsets_.emplace(suffix, where).second) return;
    added_.push_back(std::move(suffix));
  }
}

NameTable::Match NameTable::find(const DomainName& name) const {
  const std::string& wire = name.wire();
  for (std::size_t at = 0; wire[at] != 0; at += static_cast<std::uint8_t>(wire[at]) + 1U) {
    const auto found = offsets_.find(absl::string_view(wire).substr(at));
    if (found != offsets_.end()) return {true, at, found->second};
  }
  return {};
}

void NameTable::rollback(std::size_t mark) {
  while (added_.size() > mark) {
    offsets_.erase(added_.back());
    added_.pop_back();
  }
}

void Writer::u16(std::uint16_t value) {
  u8(static_cast<std::uint8_t>(value >> 8));
  u8(static_cast<std::uint8_t>(value));
}

void Writer::u32(std::uint32_t value) {
  u16(static_cast<std::uint16_t>(value >> 16));
  u16(static_cast<std::uint16_t>(value));
}

void Writer::name(const DomainName& name, bool compress) {
  const std::size_t at = (base_ & ~kLaterBases) + out_.size() - start_;
  NameTable::Match match;
  if (table_ != nullptr && compress) match = table_->find(name);
  // The part before a known suffix can be pointed at in its turn.
  if (table_ != nullptr && at < kPointerReach && !(match.found && match.skip == 0)) {
    table_->add(name, (base_ & kLaterBases) | static_cast<std::uint32_t>(at));
  }
  if (!match.found) {
    out_ += name.wire();
    return;
  }
  out_.append(name.wire(), 0, match.skip);
  const std::uint32_t base = match.offset & kLaterBases;
  if (base != 0) pointers_.push_back({static_cast<std::uint32_t>(out_.size() - start_), base});
  u16(static_cast<std::uint16_t>(kPointerBits << 8 | (match.offset & ~kLaterBases)));
}

void Writer::record(const Record& record) {
  name(record.owner);
  u16(static_cast<std::uint16_t>(record.type));
  u16(record.record_class);
  u32(record.ttl);
  const std::size_t length_at = out_.size();
  u16(0);
  data(record);
  const std::size_t length = out_.size() - length_at - 2;
  out_[length_at] = static_cast<char>(length >> 8);
  out_[length_at + 1] = static_cast<char>(length);
}

void Writer::data(const Record& record) {
  if (const auto* address = std::get_if<IpAddress>(&record.data)) {
    const Bytes bytes = address->bytes();
    out_.append(bytes.begin(), bytes.end());
  } else if (const auto* target = std::get_if<DomainName>(&record.data)) {
    name(*target);
  } else if (const auto* srv = std::get_if<Srv>(&record.data)) {
    u16(srv->priority);
    u16(srv->weight);
    u16(srv->port);
    name(srv->target, false);
  } else if (const auto* soa = std::get_if<Soa>(&record.data)) {
    name(soa->server);
    name(soa->contact);
    for (const std::uint32_t field : {soa->serial, soa->refresh, soa->retry, soa->expire, soa->minimum})
      u32(field);
  } else if (const auto* txt = std::get_if<Txt>(&record.data)) {
    for (const std::string& text : txt->strings) {
      u8(static_cast<std::uint8_t>(text.size()));
      out_ += text;
    }
  } else if (const auto* raw = std::get_if<RawData>(&record.data)) {
    out_ += raw->bytes;
  }
}

Result<Message> decode(Bytes bytes) {
  const auto bad = [] { return invalid_argument("malformed DNS message"); };
  Reader in(bytes);
  Message message;
  message.id = in.u16();
  message.flags = in.u16();
  const std::size_t questions = in.u16();
  const std::size_t answers = in.u16();
  const std::size_t authority = in.u16();
  const std::size_t additional = in.u16();
  for (std::size_t i = 0; i < questions && in.ok(); ++i) {
    QuestionEntry entry;
    entry.name = in.name();
    entry.type = static_cast<Type>(in.u16());
    entry.question_class = in.u16();
    message.questions.push_back(std::move(entry));
  }
  if (!in.ok() || !read_section(in, answers, message.answers) ||
      !read_section(in, authority, message.authority) || !read_section(in, additional, message.additional) ||
      in.left() > 0) {
    return bad();
  }
  return message;
}

std::string encode(const Message& message, bool compress) {
  std::string out;
  NameTable table;
  Writer writer(out, 0, compress ? &table : nullptr);
  writer.u16(message.id);
  writer.u16(message.flags);
  writer.u16(static_cast<std::uint16_t>(message.questions.size()));
  for (const auto* section : {&message.answers, &message.authority, &message.additional}) {
    writer.u16(static_cast<std::uint16_t>(section->size()));
  }
  for (const QuestionEntry& entry : message.questions) {
    writer.name(entry.name);
    writer.u16(static_cast<std::uint16_t>(entry.type));
    writer.u16(entry.question_class);
  }
  for (const auto* section : {&message.answers, &message.authority, &message.additional}) {
    for (const Record& record : *section) writer.record(record);
  }
  return out;
}

}  // namespace discovery::dns
