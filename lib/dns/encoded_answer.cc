#include "lib/dns/encoded_answer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <absl/container/flat_hash_map.h>

namespace discovery::dns {
namespace {

constexpr std::size_t kQuestionOffset = kHeaderBytes;
/// What Consul leaves free below a UDP client's limit.
constexpr std::size_t kUdpMargin = 7;
/// Answers that are over the limit by no more than this lose one record before they are looked at again.
constexpr std::size_t kNear = 100;
constexpr std::uint32_t kSoaNumbers = 20;  // bytes behind the names of a SOA record
constexpr std::size_t kRecordFields = 10;  // type, class, TTL, length
constexpr std::size_t kSrvNumbers = 6;     // priority, weight, port
constexpr std::size_t kOptBytes = 11;
constexpr std::size_t kOptionHeader = 4;
constexpr std::uint16_t kClientSubnetOption = 8;

std::size_t opt_bytes(const Query& query) {
  if (!query.edns) return 0;
  return kOptBytes + (query.subnet_size == 0 ? 0 : kOptionHeader + query.subnet_size);
}

std::uint32_t plain_size(const Record& record) {
  std::string bytes;
  Writer(bytes, 0, nullptr).record(record);
  return static_cast<std::uint32_t>(bytes.size());
}

/// The bytes of the name that begins at `at`: labels up to a zero or a pointer.
std::size_t name_bytes(const std::string& bytes, std::size_t at) {
  const std::size_t begin = at;
  while (bytes[at] != 0) {
    const auto size = static_cast<std::uint8_t>(bytes[at]);
    if (size >= 0xC0) return at + 2 - begin;
    at += size + 1U;
  }
  return at + 1 - begin;
}

/// How many of the extra records stay when answers are left out: the one of a location's target, or the names
/// that lead to it and that.
std::size_t kept_records(const Choice& choice) {
  const auto* srv = std::get_if<Srv>(&choice.answer.data);
  if (srv == nullptr) return 0;
  const DomainName* next = &srv->target;
  std::size_t kept = 0;
  while (kept < choice.extra.size() && choice.extra[kept].owner == *next) {
    const Record& record = choice.extra[kept++];
    if (record.type != Type::kCname) break;
    next = std::get_if<DomainName>(&record.data);
  }
  return kept;
}

const DomainName* pointed_to(const Record& record) {
  if (const auto* srv = std::get_if<Srv>(&record.data)) return &srv->target;
  return std::get_if<DomainName>(&record.data);
}

}  // namespace

/// A packet under way. Past the end nothing is written any more.
class EncodedAnswer::Output {
 public:
  explicit Output(std::span<std::uint8_t> bytes) : bytes_(bytes) {}

  bool fits() const noexcept { return fits_; }
  std::size_t size() const noexcept { return at_; }

  void append(const void* data, std::size_t count) noexcept {
    if (count > bytes_.size() - at_) {
      fits_ = false;
      return;
    }
    std::memcpy(bytes_.data() + at_, data, count);
    at_ += count;
  }
  /// Pieces of one size that is known when this is compiled.
  template <std::size_t kSize>
  void append_each(const char* from, std::span<const std::uint32_t> order) noexcept {
    if (kSize * order.size() > bytes_.size() - at_) {
      fits_ = false;
      return;
    }
    for (const std::uint32_t index : order) {
      std::memcpy(bytes_.data() + at_, from + kSize * index, kSize);
      at_ += kSize;
    }
  }
  void u16(std::size_t value) noexcept {
    const std::uint8_t bytes[2] = {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
    append(bytes, sizeof bytes);
  }
  /// Overwrites; `at` must have been written already.
  void put_u16(std::size_t at, std::size_t value) noexcept {
    if (at + 2 > at_) return;
    bytes_[at] = static_cast<std::uint8_t>(value >> 8);
    bytes_[at + 1] = static_cast<std::uint8_t>(value);
  }
  std::size_t get_u16(std::size_t at) const noexcept {
    return at + 2 > at_ ? 0 : static_cast<std::size_t>(bytes_[at]) << 8 | bytes_[at + 1];
  }

 private:
  std::span<std::uint8_t> bytes_;
  std::size_t at_ = 0;
  bool fits_ = true;
};

PacketRule packet_rule(const Query& query, Transport transport, const Options& options) {
  PacketRule rule;
  rule.mark_truncated = options.enable_truncate || options.strict_truncate;
  rule.mark_any_cut = options.strict_truncate;
  rule.stream = transport == Transport::kTcp;
  rule.max_answers = std::min(options.udp_answer_limit, Options::kMaxUdpAnswers);
  rule.max_bytes =
      rule.stream ? kMaxTcpBytes : std::clamp<std::size_t>(query.udp_size, kMinUdpBytes, kMaxUdpBytes);
  return rule;
}

// --- making
// ----------------------------------------------------------------------------------------------------------

EncodedAnswer::EncodedAnswer(const Reply& reply, const DomainName& question, bool compress)
    : rcode_(reply.rcode),
      authoritative_(reply.authoritative),
      recursion_available_(reply.recursion_available),
      echo_edns_(reply.echo_edns),
      choices_are_authority_(reply.choices_are_authority),
      ordered_(reply.ordered),
      more_by_stream_(reply.more_by_stream),
      choice_count_(reply.choices.size()),
      max_choices_(reply.max_choices) {
  NameTable names;
  // Only the whole question: its case varies, and parts of it are parts of other names too, whose case must
  // not.
  names.add_whole(question, kQuestionOffset);
  NameTable* table = compress ? &names : nullptr;
  const std::size_t head = kHeaderBytes + question.wire().size() + 4;
  Writer writer(fixed_, static_cast<std::uint32_t>(head), table);
  add_fixed(reply, writer);
  add_locations(reply.choices, table);
  order_.resize(choice_count_);
  for (std::uint32_t i = 0; i < choice_count_; ++i) order_[i] = i;
}

void EncodedAnswer::add_fixed(const Reply& reply, Writer& writer) {
  for (const Record& record : reply.fixed) {
    add_record(record, writer);
    fixed_ends_.push_back(fixed_all_);
  }
  for (const Record& record : reply.authority) add_record(record, writer);
  for (const Record& record : reply.additional) add_record(record, writer);
  authority_count_ = static_cast<std::uint16_t>(reply.authority.size());
  additional_count_ = static_cast<std::uint16_t>(reply.additional.size());
}

void EncodedAnswer::add_record(const Record& record, Writer& writer) {
  writer.record(record);
  fixed_all_.packed = static_cast<std::uint32_t>(fixed_.size());
  fixed_all_.plain += plain_size(record);
  if (record.type == Type::kSoa) serial_at_ = fixed_all_.packed - kSoaNumbers;
}

void EncodedAnswer::add_locations(const std::vector<Choice>& choices, NameTable* table) {
  absl::flat_hash_map<std::string, std::uint32_t> targets;
  bool alike = true;
  for (const Choice& choice : choices) {
    Location location;
    location.at = static_cast<std::uint32_t>(bytes_.size());
    Writer(bytes_, Writer::kNoBase, table).record(choice.answer);
    location.answer = {static_cast<std::uint32_t>(bytes_.size() - location.at), plain_size(choice.answer)};

    const std::size_t mark = table != nullptr ? table->mark() : 0;
    if (const DomainName* target = pointed_to(choice.answer)) {
      const std::size_t numbers = choice.answer.type == Type::kSrv ? kSrvNumbers : 0;
      location.target_at =
          static_cast<std::uint16_t>(name_bytes(bytes_, location.at) + kRecordFields + numbers);
      location.target =
          targets.try_emplace(target->wire(), static_cast<std::uint32_t>(targets.size())).first->second;
      if (table != nullptr) table->add(*target, Writer::kTargetBase);
    }
    const std::size_t kept = kept_records(choice);
    Writer extra(bytes_, Writer::kExtraBase, table);
    for (std::size_t i = 0; i < choice.extra.size(); ++i) {
      extra.record(choice.extra[i]);
      location.extra.packed =
          static_cast<std::uint32_t>(bytes_.size()) - location.at - location.answer.packed;
      location.extra.plain += plain_size(choice.extra[i]);
      if (i + 1 == kept) location.kept = location.extra;
    }
    if (table != nullptr) table->rollback(mark);
    Writer plain(bytes_, Writer::kNoBase, nullptr);
    for (const Record& record : choice.extra) plain.record(record);

    location.extra_count = static_cast<std::uint16_t>(choice.extra.size());
    location.kept_count = static_cast<std::uint16_t>(kept);
    location.first_pointer = static_cast<std::uint32_t>(pointers_.size());
    location.pointer_count = static_cast<std::uint32_t>(extra.pointers().size());
    for (const Writer::Pointer& pointer : extra.pointers()) {
      pointers_.push_back(pointer);
      location.self_pointing = location.self_pointing || pointer.base == Writer::kExtraBase;
    }
    locations_.push_back(location);
    alike = alike && choice.extra.empty() && location.answer == locations_.front().answer;
  }
  if (alike && !locations_.empty()) {
    stride_ = locations_.front().answer;
    locations_ = {};
  }
  answer_at_.resize(locations_.size());
  seen_.resize(targets.size());
}

std::size_t EncodedAnswer::footprint() const noexcept {
  return sizeof *this + fixed_.capacity() + bytes_.capacity() + fixed_ends_.capacity() * sizeof(Size) +
         locations_.capacity() * sizeof(Location) + pointers_.capacity() * sizeof(Writer::Pointer) +
         (order_.capacity() + answer_at_.capacity() + seen_.capacity()) * sizeof(std::uint32_t);
}

// --- planning
// --------------------------------------------------------------------------------------------------------

void EncodedAnswer::take(Plan& plan, std::size_t answers) const {
  plan.fixed = std::min(fixed_ends_.size(), answers);
  if (!choices_are_authority_) plan.chosen = answers - plan.fixed;
}

/// The first `count` of order_ become a random selection in random order: the first steps of Fisher and
/// Yates' shuffle, which may begin from any order.
void EncodedAnswer::shuffle(std::size_t count, Draw& draw) {
  const auto all = static_cast<std::uint32_t>(order_.size());
  for (std::uint32_t i = 0; i < count && i + 1 < all; ++i)
    std::swap(order_[i], order_[i + draw.below(all - i)]);
}

EncodedAnswer::Plan EncodedAnswer::plan(const Query& query, const PacketRule& rule, Draw& draw) {
  Plan plan;
  plan.head = kHeaderBytes + query.question.size();
  plan.fixed = fixed_ends_.size();
  plan.chosen = choices_for(rule);
  std::size_t answers = answer_count(plan);
  const std::size_t all = more_by_stream_ ? plan.fixed + choice_count_ : answers;
  if (rule.stream) {
    answers = std::min(answers, query.type == Type::kSrv ? kMaxTcpLocations : kMaxTcpAnswers);
  } else if (rule.max_bytes == kMinUdpBytes && answers > rule.max_answers) {
    answers = rule.max_answers;
    plan.cut = true;
    plan.plain = true;
  }
  take(plan, answers);
  if (!ordered_) shuffle(plan.chosen, draw);

  const std::size_t opt = echo_edns_ ? opt_bytes(query) : 0;
  const std::size_t limit = rule.stream ? rule.max_bytes : rule.max_bytes - kUdpMargin;
  std::size_t size = measure(plan, opt);
  if (answers > 1 && size > limit) {
    if (size <= rule.max_bytes + kNear) take(plan, answers - 1);
    plan.cut = true;
    answers = shrink(plan, limit);
    plan.truncated = rule.stream;
  } else if (answers <= 1 && size > rule.max_bytes) {
    plan.cut = true;
    if (choices_are_authority_) plan.chosen = 0;
  }
  if (!rule.stream) plan.truncated = answers < all || (plan.cut && rule.mark_any_cut);
  plan.truncated = plan.truncated && rule.mark_truncated;
  return plan;
}

EncodedAnswer::Size EncodedAnswer::fixed_size(const Plan& plan) const {
  if (!plan.cut) return fixed_all_;
  return plan.fixed == 0 ? Size{} : fixed_ends_[plan.fixed - 1];
}

bool EncodedAnswer::is_repeated(const Location& location) {
  return std::exchange(seen_[location.target], walk_) == walk_;
}

bool EncodedAnswer::extra_is_plain(const Location& location, const Plan& plan, std::size_t answer_at) const {
  if (!plan.huge) return false;
  return location.self_pointing || answer_at + location.target_at + DomainName::kMaxBytes >= kPointerReach;
}

/// What a location's extra records take; its answer stands at `answer_at`.
std::size_t EncodedAnswer::extra_size(const Location& location, const Plan& plan, std::size_t answer_at) {
  if (location.extra_count == 0 || (plan.cut && is_repeated(location))) return 0;
  const Size& size = plan.cut ? location.kept : location.extra;
  return plan.plain || extra_is_plain(location, plan, answer_at) ? size.plain : size.packed;
}

/// The size of the packet as planned.
std::size_t EncodedAnswer::measure(Plan& plan, std::size_t opt) {
  const Size fixed = fixed_size(plan);
  std::size_t size = plan.head + (plan.plain ? fixed.plain : fixed.packed) + (plan.cut ? 0 : opt);
  if (locations_.empty()) return size + plan.chosen * (plan.plain ? stride_.plain : stride_.packed);
  std::size_t packed = size;
  for (std::size_t i = 0; i < plan.chosen; ++i) {
    const Location& location = locations_[order_[i]];
    packed += location.answer.packed + location.extra.packed;
  }
  plan.huge = packed >= kPointerReach;
  if (!plan.huge && !plan.cut && !plan.plain) return packed;
  ++walk_;
  std::size_t answer_at = plan.head + fixed.packed;
  for (std::size_t i = 0; i < plan.chosen; ++i) {
    const Location& location = locations_[order_[i]];
    size +=
        (plan.plain ? location.answer.plain : location.answer.packed) + extra_size(location, plan, answer_at);
    answer_at += location.answer.packed;
  }
  return size;
}

/// Leaves out answers from the end until the packet is within the limit, but never the first. Returns how
/// many are left.
std::size_t EncodedAnswer::shrink(Plan& plan, std::size_t limit) {
  std::size_t answers = 0;
  std::size_t size = plan.head;
  for (; answers < plan.fixed; ++answers) {
    const Size& end = fixed_ends_[answers];
    size = plan.head + (plan.plain ? end.plain : end.packed);
    if (size > limit && answers > 0) break;
  }
  if (answers < plan.fixed) {
    take(plan, answers);
    return answers;
  }
  ++walk_;
  std::size_t answer_at = size;
  for (std::size_t i = 0; i < plan.chosen; ++i, ++answers) {
    if (locations_.empty()) {
      size += plan.plain ? stride_.plain : stride_.packed;
    } else {
      const Location& location = locations_[order_[i]];
      size += (plan.plain ? location.answer.plain : location.answer.packed) +
              extra_size(location, plan, answer_at);
      answer_at += location.answer.packed;
    }
    if (size > limit && answers > 0) break;
  }
  take(plan, answers);
  return answers;
}

// --- writing
// ---------------------------------------------------------------------------------------------------------

std::uint16_t EncodedAnswer::flags(const Query& query, const Plan& plan) const {
  std::uint16_t flags = kResponseFlag;
  flags |= query.flags & kOpcodeMask;
  if ((query.flags & kOpcodeMask) == 0)
    flags |= query.flags & (kRecursionDesiredFlag | kCheckingDisabledFlag);
  if (authoritative_) flags |= kAuthoritativeFlag;
  if (recursion_available_) flags |= kRecursionAvailableFlag;
  if (plan.truncated) flags |= kTruncatedFlag;
  return static_cast<std::uint16_t>(flags | static_cast<std::uint16_t>(rcode_));
}

void EncodedAnswer::write_choices(const Plan& plan, Output& out) {
  const std::span<const std::uint32_t> order(order_.data(), plan.chosen);
  if (!locations_.empty()) {
    for (std::size_t i = 0; i < order.size(); ++i) {
      const Location& location = locations_[order[i]];
      answer_at_[i] = static_cast<std::uint32_t>(out.size());
      out.append(bytes_.data() + location.at, location.answer.packed);
    }
    return;
  }
  static constexpr std::size_t kA = 16;  // a pointer, the fields, an address: nearly all answers are these
  static constexpr std::size_t kAaaa = 28;
  switch (stride_.packed) {
    case kA:
      out.append_each<kA>(bytes_.data(), order);
      break;
    case kAaaa:
      out.append_each<kAaaa>(bytes_.data(), order);
      break;
    default:
      for (const std::uint32_t index : order)
        out.append(bytes_.data() + std::size_t{index} * stride_.packed, stride_.packed);
  }
}

/// Returns how many records it wrote.
std::size_t EncodedAnswer::write_extra(const Plan& plan, Output& out) {
  std::size_t count = 0;
  if (locations_.empty()) return count;
  ++walk_;
  for (std::size_t i = 0; i < plan.chosen; ++i) {
    const Location& location = locations_[order_[i]];
    if (location.extra_count == 0 || (plan.cut && is_repeated(location))) continue;
    count += plan.cut ? location.kept_count : location.extra_count;
    const Size& size = plan.cut ? location.kept : location.extra;
    const std::size_t packed_at = location.at + location.answer.packed;
    if (extra_is_plain(location, plan, answer_at_[i])) {
      out.append(bytes_.data() + packed_at + location.extra.packed, size.plain);
      continue;
    }
    const std::size_t begin = out.size();
    out.append(bytes_.data() + packed_at, size.packed);
    for (std::uint32_t k = 0; k < location.pointer_count; ++k) {
      const Writer::Pointer& pointer = pointers_[location.first_pointer + k];
      if (pointer.at >= size.packed) break;
      const std::size_t base =
          pointer.base == Writer::kExtraBase ? begin : answer_at_[i] + location.target_at;
      out.put_u16(begin + pointer.at, out.get_u16(begin + pointer.at) + base);
    }
  }
  return count;
}

std::size_t EncodedAnswer::write(const Query& query, const PacketRule& rule, Draw& draw, std::uint32_t now,
                                 std::span<std::uint8_t> bytes) {
  const Plan plan = this->plan(query, rule, draw);
  const std::size_t authority = choices_are_authority_ ? plan.chosen : plan.cut ? 0 : authority_count_;
  Output out(bytes);
  out.u16(query.id);
  out.u16(flags(query, plan));
  out.u16(1);
  out.u16(answer_count(plan));
  out.u16(authority);
  const std::size_t additional_at = out.size();
  out.u16(0);
  out.append(query.question.data(), query.question.size());
  out.append(fixed_.data(), fixed_size(plan).packed);
  if (has_serial()) {
    out.put_u16(plan.head + serial_at_, now >> 16);
    out.put_u16(plan.head + serial_at_ + 2, now & 0xFFFF);
  }
  write_choices(plan, out);
  std::size_t additional = plan.cut ? 0 : additional_count_;
  additional += write_extra(plan, out);
  if (query.edns && echo_edns_ && !plan.cut) {
    ++additional;
    const std::size_t subnet = query.subnet_size;
    const std::uint8_t root_name = 0;
    out.append(&root_name, 1);
    out.u16(static_cast<std::uint16_t>(Type::kOpt));
    out.u16(query.udp_size);
    out.u16(0);
    out.u16(0);
    out.u16(subnet == 0 ? 0 : kOptionHeader + subnet);
    if (subnet != 0) {
      out.u16(kClientSubnetOption);
      out.u16(subnet);
      out.append(query.subnet.data(), subnet);
    }
  }
  out.put_u16(additional_at, additional);
  return out.fits() ? out.size() : write_error(query, Rcode::kServerFailure, bytes);
}

}  // namespace discovery::dns
