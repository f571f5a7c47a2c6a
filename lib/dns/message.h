#pragma once

/// \file
/// DNS messages (RFC 1035, section 4; EDNS of RFC 6891; SRV of RFC 2782; client subnet of RFC 7871). Pure.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include <discovery/status.h>

#include "lib/dns/domain_name.h"
#include "lib/dns/ip_address.h"

namespace discovery::dns {

using Bytes = std::span<const std::uint8_t>;

/// How a message travels.
enum class Transport : std::uint8_t { kUdp, kTcp };

/// Types of records and questions. Others occur too; a value need not be one of these.
enum class Type : std::uint16_t {
  kA = 1,
  kNs = 2,
  kCname = 5,
  kSoa = 6,
  kPtr = 12,
  kMx = 15,
  kTxt = 16,
  kAaaa = 28,
  kSrv = 33,
  kOpt = 41,
  kAxfr = 252,
  kAny = 255,
};

enum class Rcode : std::uint8_t {
  kNoError = 0,
  kFormatError = 1,
  kServerFailure = 2,
  kNameError = 3,  ///< NXDOMAIN
  kNotImplemented = 4,
  kRefused = 5,
};

/// Bits of the header's second word.
inline constexpr std::uint16_t kResponseFlag = 0x8000;
inline constexpr std::uint16_t kOpcodeMask = 0x7800;
inline constexpr std::uint16_t kAuthoritativeFlag = 0x0400;
inline constexpr std::uint16_t kTruncatedFlag = 0x0200;
inline constexpr std::uint16_t kRecursionDesiredFlag = 0x0100;
inline constexpr std::uint16_t kRecursionAvailableFlag = 0x0080;
inline constexpr std::uint16_t kAuthenticDataFlag = 0x0020;
inline constexpr std::uint16_t kCheckingDisabledFlag = 0x0010;

inline constexpr std::uint16_t kClassInternet = 1;
inline constexpr std::size_t kHeaderBytes = 12;
inline constexpr std::size_t kMaxMessageBytes = 65535;
/// Pointers of compressed names reach offsets below this (RFC 1035, section 4.1.4).
inline constexpr std::size_t kPointerReach = 0x4000;

// --- queries
// ---------------------------------------------------------------------------------------------------------

/// What of a query matters for its answer. The views are into the query's bytes.
struct Query {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;  ///< the header's second word
  Bytes question;           ///< the first question as it was sent: name, type, class
  Type type = Type::kA;
  bool edns = false;             ///< whether there is an OPT record
  std::uint16_t udp_size = 0;    ///< what the OPT record says
  std::uint8_t subnet_size = 0;  ///< of `subnet`; 0: no client subnet was sent
  std::array<std::uint8_t, 20>
      subnet{};  ///< the client subnet option as an answer echoes it: masked, with scope 0

  Bytes name() const noexcept { return question.first(question.size() - 4); }
};

/// What is to be done with bytes that came in.
enum class Verdict : std::uint8_t {
  kAnswer,
  kDrop,            ///< too short for a header, or an answer: anything sent back could loop or amplify
  kFormatError,     ///< answer with an error and no question; `id` and `flags` are set
  kNotImplemented,  ///< the same, for operations other than QUERY and NOTIFY
};

/// Reads a query. Names of questions are not compressed; records behind the question are skipped, as is what
/// follows them.
Verdict parse_query(Bytes bytes, Query& query);

/// Writes an answer of a header only: for queries that can't be read, and where a full answer is not to be
/// had. Returns its size; 0 if not even that fits.
std::size_t write_error(const Query& query, Rcode rcode, std::span<std::uint8_t> out);

// --- records
// ---------------------------------------------------------------------------------------------------------

struct Srv {
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  std::uint16_t port = 0;
  DomainName target;
  friend bool operator==(const Srv&, const Srv&) = default;
};

struct Soa {
  DomainName server;
  DomainName contact;
  std::uint32_t serial = 0;
  std::uint32_t refresh = 0;
  std::uint32_t retry = 0;
  std::uint32_t expire = 0;
  std::uint32_t minimum = 0;
  friend bool operator==(const Soa&, const Soa&) = default;
};

/// The strings of a TXT record, each of at most 255 bytes.
struct Txt {
  std::vector<std::string> strings;
  friend bool operator==(const Txt&, const Txt&) = default;
};

/// Data of a type that is not known here, as they are.
struct RawData {
  std::string bytes;
  friend bool operator==(const RawData&, const RawData&) = default;
};

/// IpAddress for A and AAAA, DomainName for CNAME, NS and PTR.
using RecordData = std::variant<IpAddress, DomainName, Srv, Soa, Txt, RawData>;

struct Record {
  DomainName owner;
  Type type = Type::kA;
  std::uint16_t record_class = kClassInternet;
  std::uint32_t ttl = 0;  ///< seconds
  RecordData data;
  friend bool operator==(const Record&, const Record&) = default;
};

/// An A or AAAA record, by the address's family.
Record address_record(DomainName owner, std::uint32_t ttl, const IpAddress& address);

// --- writing
// ---------------------------------------------------------------------------------------------------------

/// Where in a message which names begin: each name that was added, and all its suffixes. Compares exactly, so
/// that the case in which a name was registered is kept.
class NameTable {
 public:
  struct Match {
    bool found = false;
    std::size_t skip = 0;      ///< bytes of the name before the suffix that was found
    std::uint32_t offset = 0;  ///< where that suffix is
  };

  /// Adds only the whole name.
  void add_whole(const DomainName& name, std::uint32_t offset);
  /// Adds the name, which begins at `offset`, and its suffixes up to the first that is known already.
  void add(const DomainName& name, std::uint32_t offset);
  /// The longest suffix of the name that is known, never the root.
  Match find(const DomainName& name) const;

  /// For additions that hold only for a while: rollback() forgets what was added since mark().
  std::size_t mark() const noexcept { return added_.size(); }
  void rollback(std::size_t mark);

 private:
  absl::flat_hash_map<std::string, std::uint32_t> offsets_;
  std::vector<std::string> added_;
};

/// Appends parts of a message to a string. Names are compressed where RFC 3597 allows it, so never those of
/// SRV, which still may be pointed at.
class Writer {
 public:
  /// Where parts begin whose place in the message is known only later. Pointers into them are written as the
  /// distance from that place, and noted in pointers().
  static constexpr std::uint32_t kTargetBase = 1U << 16;
  static constexpr std::uint32_t kExtraBase = 1U << 17;
  /// Of parts that nothing may point into.
  static constexpr std::uint32_t kNoBase = kPointerReach;

  struct Pointer {
    std::uint32_t at;    ///< in what this writer wrote
    std::uint32_t base;  ///< kTargetBase or kExtraBase
  };

  /// What is appended to `out` begins at `base` in the message. Without a table nothing is compressed.
  Writer(std::string& out, std::uint32_t base, NameTable* table)
      : out_(out), start_(out.size()), base_(base), table_(table) {}

  void u8(std::uint8_t value) { out_ += static_cast<char>(value); }
  void u16(std::uint16_t value);
  void u32(std::uint32_t value);
  void name(const DomainName& name, bool compress = true);
  void record(const Record& record);

  const std::vector<Pointer>& pointers() const noexcept { return pointers_; }

 private:
  void data(const Record& record);

  std::string& out_;
  std::size_t start_;
  std::uint32_t base_;
  NameTable* table_;
  std::vector<Pointer> pointers_;
};

// --- whole messages
// --------------------------------------------------------------------------------------------------

struct QuestionEntry {
  DomainName name;
  Type type = Type::kA;
  std::uint16_t question_class = kClassInternet;
  friend bool operator==(const QuestionEntry&, const QuestionEntry&) = default;
};

struct Message {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;
  std::vector<QuestionEntry> questions;
  std::vector<Record> answers;
  std::vector<Record> authority;
  std::vector<Record> additional;  ///< with the OPT record: its class is the UDP size

  Rcode rcode() const noexcept { return static_cast<Rcode>(flags & 15); }
};

/// Reads a whole message. kInvalidArgument: cut off, a name with a forward pointer or over the limits, record
/// data that do not fit their type. Bytes behind the last record are an error too.
Result<Message> decode(Bytes bytes);

/// Writes a whole message; sections may hold at most 65535 records.
std::string encode(const Message& message, bool compress);

}  // namespace discovery::dns
