#pragma once

/// \file
/// What PUT /v1/txn takes and shows (https://developer.hashicorp.com/consul/api-docs/txn).

#include <cstddef>
#include <string>
#include <string_view>

#include <discovery/status.h>

#include "lib/codec/json_writer.h"
#include "lib/model/query.h"
#include "lib/model/txn.h"

namespace discovery::http::v1 {

/// What a transaction may ask for.
struct TxnLimits {
  std::size_t max_operations = 64;
  std::size_t max_value_size = 512U << 10;  ///< bytes
};

/// Reads the operations of a body; members that name no kind of operation are left out. kInvalidArgument: it
/// is no list of operations. kResourceExhausted: it is over a limit. kUnavailable: a verb is not served yet.
/// Pure.
Result<model::TxnOperations> read_operations(std::string_view body, const TxnLimits& limits);

/// Appends what a transaction came to, as {"Results": ..., "Errors": ...}.
void render_txn(std::string& out, const model::Value& value, codec::JsonStyle style);

/// Adds to a text that render_txn() has made what only those that only read have.
void append_read_meta(std::string& json, const Meta& meta, codec::JsonStyle style);

}  // namespace discovery::http::v1
