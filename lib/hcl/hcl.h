#pragma once

/// \file
/// Readers of the two languages in which Consul takes its configuration and its ACL rules.
/// All functions are pure and thread-safe.

#include <cstddef>
#include <string_view>

#include <discovery/status.h>

#include "lib/hcl/value.h"

namespace discovery::hcl {

/// The longest text that is read, in bytes.
inline constexpr std::size_t kMaxInput = std::size_t{16} << 20;
/// How deep lists and objects may nest below the top object. A label of a block counts as one level; the list
/// that a repeated key becomes does not, so that a value is at most twice as deep.
inline constexpr int kMaxDepth = 64;
/// The most values in one text: what bounds the memory a hostile text can claim.
inline constexpr std::size_t kMaxValues = 1'000'000;

/// Reads HCL, version 1 (https://github.com/hashicorp/hcl/tree/hcl1). The result is an object.
///
/// `name { }` and `name = { }` are the same. `name "a" "b" { }` nests: {name: {a: {b: {}}}}. A key given
/// again becomes a list if it holds blocks (in the order of the text, labels and all), grows if it holds a
/// list, and is replaced if it holds a plain value. `${...}` in a string is kept letter by letter. Where the
/// first character is '{' the text is read as JSON, as Consul does.
///
/// Errors: kInvalidArgument with line, column (in characters, from 1) and what was expected, in the words of
/// the reference implementation: "At 2:5: object expected closing RBRACE got: EOF", or "2:5: literal not
/// terminated" where the text does not even fall into tokens. kResourceExhausted names the limit that was
/// hit.
Result<Value> parse_hcl(std::string_view text);

/// Reads JSON (RFC 8259). A key given again replaces the former value. Numbers without fraction and exponent
/// that fit are integers. Errors: kInvalidArgument in the words of Go's encoding/json, with line and column:
/// "invalid character
/// '}' looking for beginning of value (at 2:5)"; where the text just ends, "unexpected end of JSON input".
/// kResourceExhausted names the limit that was hit.
Result<Value> parse_json(std::string_view text);

}  // namespace discovery::hcl
