#pragma once

/// \file
/// What the remote agent answers, as values. Members that are not known are skipped, and null is nothing, so
/// that newer agents are understood; what an answer cannot do without must be there.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/codec/json_reader.h"
#include "lib/http1/client.h"
#include "lib/model/answer.h"
#include "lib/model/command.h"
#include "lib/model/query.h"
#include "lib/model/txn.h"

namespace discovery::remote {

/// How texts of other agents are read.
inline constexpr codec::JsonReadOptions kTolerant{.ignore_unknown_fields = true,
                                                  .allow_trailing_data = false};

/// An answer to `query` as a value. `status` is 200, or 404 where that stands for nothing. kUnavailable: it
/// is no such answer, so who gave it is not the agent that was asked for. Pure and thread-safe.
Result<model::Value> decode_answer(const model::Query& query, int status, std::string_view body);

/// What a transaction came to, from its answer of 200 or 409. As decode_answer().
Result<model::TxnResults> decode_txn(std::string_view body);

/// Whether a status of 404 answers the question: there is nothing.
bool may_be_missing(const model::Query& query) noexcept;

/// What the fields of an answer say.
struct AnswerHead {
  Meta meta;  ///< index 0: none was given
  bool has_index = false;
};
AnswerHead read_head(const http1::ClientResponse& response);

/// Why an answer is a failure; ok for a status of 200. `writes`: what was asked for changes something, so a
/// failure on the way may come after the change. Pure.
Status failure_of(const http1::ClientResponse& response, bool writes);

/// A failure to get any answer, as the caller of a read or a write is told. Pure.
Status failure_of(const Status& failure, bool sent, bool writes);

/// The failure that stands for an answer which makes no sense.
Status makes_no_sense(std::string_view why);

}  // namespace discovery::remote
