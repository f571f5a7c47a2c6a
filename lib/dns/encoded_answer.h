#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/dns/answers.h"
#include "lib/dns/draw.h"
#include "lib/dns/message.h"
#include "lib/dns/options.h"

namespace discovery::dns {

/// What limits a packet.
struct PacketRule {
  bool stream = false;
  bool mark_truncated = false;  ///< set TC when answers were left out
  bool mark_any_cut = false;    ///< also when only additional records were
  std::size_t max_bytes = 0;    ///< what the client takes
  std::size_t max_answers = 0;  ///< for UDP clients that take no more than kMinUdpBytes
};

/// The size that every UDP client takes (RFC 1035, section 2.3.4).
inline constexpr std::size_t kMinUdpBytes = 512;
/// The largest UDP answer, whatever a client says: with all headers it is a whole IP packet.
inline constexpr std::size_t kMaxUdpBytes = 65467;
/// The largest TCP answer.
inline constexpr std::size_t kMaxTcpBytes = 65523;
/// Records in a TCP answer; no more would fit.
inline constexpr std::size_t kMaxTcpAnswers = 4096;
inline constexpr std::size_t kMaxTcpLocations = 1024;  ///< SRV

PacketRule packet_rule(const Query& query, Transport transport, const Options& options);

/// A reply in the bytes that go out: for each packet only the header, the question in its own case, the order
/// of the choices, how many of them fit, the time in an SOA record and the OPT record are new. No allocation
/// in write(). Threads: one at a time; write() shuffles the choices in place.
class EncodedAnswer {
 public:
  /// `question` is the name as it stands in the packets. Its case may vary if names are compressed, since
  /// then records point to it.
  EncodedAnswer(const Reply& reply, const DomainName& question, bool compress);

  /// Writes a packet and returns its size; an error without records where `out` is too small, which one of
  /// kMaxMessageBytes never is. `now` is the time in seconds since 1970. What is left out when a packet would
  /// be too large follows Consul, with one exception: an additional section that makes even a single answer
  /// too large is left out as well.
  std::size_t write(const Query& query, const PacketRule& rule, Draw& draw, std::uint32_t now,
                    std::span<std::uint8_t> out);

  /// Whether packets show the time.
  bool has_serial() const noexcept { return serial_at_ != kNone; }
  /// Bytes of memory that it takes, roughly.
  std::size_t footprint() const noexcept;

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  /// A size as it is, and with no name compressed.
  struct Size {
    std::uint32_t packed = 0;
    std::uint32_t plain = 0;
    friend bool operator==(const Size&, const Size&) = default;
  };

  /// A choice with records in the additional section. In bytes_ lie its answer, its extra records, and those
  /// once more without pointers, for packets too large for pointers.
  struct Location {
    std::uint32_t at = 0;
    Size answer;
    Size extra;
    Size kept;  ///< of the extra records, those that stay when answers are left out: they come first
    std::uint32_t target = 0;     ///< which name the answer points to: the same number for the same name
    std::uint16_t target_at = 0;  ///< where in the answer that name is
    std::uint16_t extra_count = 0;
    std::uint16_t kept_count = 0;
    bool self_pointing = false;  ///< extra records point to each other
    std::uint32_t first_pointer = 0;
    std::uint32_t pointer_count = 0;
  };

  std::size_t choices_for(const PacketRule& rule) const {
    return more_by_stream_ && rule.stream ? choice_count_ : std::min(choice_count_, max_choices_);
  }

  /// What goes into one packet.
  struct Plan {
    std::size_t head = 0;    ///< bytes of header and question
    std::size_t fixed = 0;   ///< how many fixed answers
    std::size_t chosen = 0;  ///< how many choices, the first ones of order_
    bool cut = false;        ///< only answers and what belongs to them
    bool plain = false;      ///< its size is measured without compression
    bool huge = false;       ///< pointers may not reach all of it
    bool truncated = false;
  };

  class Output;

  void add_fixed(const Reply& reply, Writer& writer);
  void add_record(const Record& record, Writer& writer);
  void add_locations(const std::vector<Choice>& choices, NameTable* table);

  Plan plan(const Query& query, const PacketRule& rule, Draw& draw);
  void take(Plan& plan, std::size_t answers) const;
  std::size_t answer_count(const Plan& plan) const {
    return plan.fixed + (choices_are_authority_ ? 0 : plan.chosen);
  }
  std::size_t measure(Plan& plan, std::size_t opt);
  std::size_t shrink(Plan& plan, std::size_t limit);
  Size fixed_size(const Plan& plan) const;
  bool extra_is_plain(const Location& location, const Plan& plan, std::size_t answer_at) const;
  std::size_t extra_size(const Location& location, const Plan& plan, std::size_t answer_at);
  bool is_repeated(const Location& location);
  void shuffle(std::size_t count, Draw& draw);

  void write_choices(const Plan& plan, Output& out);
  std::size_t write_extra(const Plan& plan, Output& out);
  std::uint16_t flags(const Query& query, const Plan& plan) const;

  Rcode rcode_;
  bool authoritative_;
  bool recursion_available_;
  bool echo_edns_;
  bool choices_are_authority_;
  bool ordered_;
  bool more_by_stream_;
  std::string fixed_;             ///< records behind the question
  std::vector<Size> fixed_ends_;  ///< of each fixed answer
  Size fixed_all_;
  std::uint16_t authority_count_ = 0;
  std::uint16_t additional_count_ = 0;
  std::uint32_t serial_at_ = kNone;

  std::size_t choice_count_ = 0;
  std::size_t max_choices_ = 0;
  std::string bytes_;
  Size stride_;                      ///< of each choice, where they are alike and have no extra records
  std::vector<Location> locations_;  ///< otherwise
  std::vector<Writer::Pointer> pointers_;
  std::vector<std::uint32_t> order_;
  std::vector<std::uint32_t> answer_at_;  ///< of the chosen, while a packet is written
  std::vector<std::uint32_t> seen_;       ///< by target: the last walk that met it
  std::uint32_t walk_ = 0;
};

}  // namespace discovery::dns
