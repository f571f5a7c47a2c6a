#pragma once

/// \file
/// JSON text to records, as Go's encoding/json reads it (https://pkg.go.dev/encoding/json#Unmarshal), on
/// RapidJSON: names without regard to case, null leaves a field as it is, of members with the same name the
/// last one counts, what is not UTF-8 becomes U+FFFD.

#include <cstddef>
#include <string_view>

#include <discovery/status.h>

#include "lib/codec/record_reader.h"
#include "lib/codec/tree.h"

namespace discovery::codec {

/// How JSON text is read.
struct JsonReadOptions {
  /// Members that the record does not have are skipped; else the first of them is an error.
  bool ignore_unknown_fields = false;
  /// What follows the value is not looked at, as with Go's json.Decoder; else it is an error.
  bool allow_trailing_data = true;
  /// How deep objects and arrays may nest.
  std::size_t max_depth = kMaxTreeDepth;
};

/// Parses the first value of `text`, for who must look at it before it can be read into a record. Errors:
/// kInvalidArgument with Go's text, such as `EOF` (nothing there), `unexpected EOF` or `invalid character 'x'
/// after object key`; kResourceExhausted beyond kMaxTreeBytes. Pure and thread-safe.
Result<Tree> parse_json(std::string_view text, const JsonReadOptions& options = {});

/// Fills `out` from a part of a parsed text. Errors: as from_json().
template <class T>
Status read_json(Value value, T& out, const JsonReadOptions& options = {}) {
  RecordReader reader(RecordReader::Format::kJson, options.ignore_unknown_fields);
  reader.read(value, out);
  return reader.status();
}

/// Fills `out` from the first value of `text`. Errors are kInvalidArgument with Go's texts, as parse_json()
/// says and beside them `json: unknown field "Bogus"`, `json: cannot unmarshal string into Go struct field
/// Node.Meta of type string`, those of durations (`time: ...`) and of base64. After an error `out` is filled
/// in part. Threads: safe for distinct `out`. Blocks: never.
template <class T>
Status from_json(std::string_view text, T& out, const JsonReadOptions& options = {}) {
  Result<Tree> tree = parse_json(text, options);
  if (!tree) return tree.status();
  return read_json(tree->root(), out, options);
}

}  // namespace discovery::codec
