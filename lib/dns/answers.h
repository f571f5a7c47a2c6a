#pragma once

/// \file
/// What the answer to a question is. Pure: a question and facts of the catalog in; records, or the next fact
/// that is needed, out.

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <discovery/status.h>

#include "lib/dns/message.h"
#include "lib/dns/options.h"
#include "lib/model/answer.h"
#include "lib/model/query.h"

namespace discovery::dns {

/// A question to the catalog.
struct CatalogAsk {
  model::Query query;
  std::string datacenter;
  std::string near{};  ///< the node whose distance orders what is found
};

/// A question to the recursors: the addresses of a host of another zone.
struct HostAsk {
  DomainName host;
};

struct Ask {
  std::variant<CatalogAsk, HostAsk> what;
  std::string key;  ///< equal for equal questions
};

/// What was said to it.
struct Fact {
  std::string key;
  Status status;
  std::shared_ptr<const model::SharedAnswer> answer{};  ///< the catalog's; null where `status` is a failure
  std::vector<Record> records{};                        ///< the recursors'
};
using Facts = std::vector<Fact>;

/// A record that answers, and the records that go with it in the additional section.
struct Choice {
  Record answer;
  std::vector<Record> extra;
};

/// An answer before it is encoded. `fixed` come first and in their order, then `choices`, of which each
/// packet takes some, in an order of its own unless they are `ordered`.
struct Reply {
  Rcode rcode = Rcode::kNoError;
  bool authoritative = true;
  bool recursion_available = false;
  bool echo_edns = true;  ///< answer an OPT record with one
  bool cacheable = true;  ///< the same question has the same reply as long as no fact is superseded
  std::vector<Record> fixed;
  std::vector<Choice> choices;
  bool ordered = false;                                               ///< the first choices are the best
  std::size_t max_choices = std::numeric_limits<std::size_t>::max();  ///< what a packet takes at most
  bool more_by_stream = false;         ///< max_choices is for UDP only, and what it leaves out counts as cut
  bool choices_are_authority = false;  ///< they are a section of their own
  std::vector<Record> authority;       ///< empty where there are choices
  std::vector<Record> additional;      ///< empty where there are choices
};

/// The question is a recursor's to answer.
struct Relay {};

/// A question, and what else its answer depends on.
struct Question {
  DomainName name;
  Type type = Type::kA;
  bool edns = false;       ///< without EDNS fewer records of a chased name are shown
  std::uint64_t draw = 0;  ///< a random number: which of several host names a service's answer points to
};

/// The limits on what stands behind one packet.
inline constexpr std::size_t kMaxFacts = 16;  ///< questions to others; host names past it are not chased
inline constexpr std::size_t kMaxChasedRecords = 4096;  ///< records of other names than the question's
inline constexpr std::size_t kMaxNameServers = 3;
inline constexpr int kMaxChaseDepth = 3;           ///< names that point to names of the own zone
inline constexpr std::size_t kMaxChasedPlain = 5;  ///< records of one chased name for clients without EDNS

/// Makes the reply to a question, or says what must be asked first; then call it again with that fact as
/// well. At most kMaxFacts facts are asked for, one after another. SOA records carry the serial 0: it is the
/// time, which belongs to the packet.
std::variant<Reply, Ask, Relay> make_reply(const Question& question, const Zone& zone, const Facts& facts);

/// The reply where no recursor answered, or there is none that could be asked.
Reply no_recursor_reply();

}  // namespace discovery::dns
