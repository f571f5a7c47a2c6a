#pragma once

#include <istream>
#include <string>
#include <string_view>

#include <discovery/status.h>

namespace discovery::cli {

/// The largest file or standard input that a command takes in, in bytes: far above what an agent accepts, so
/// that the agent's own limit and message decide.
inline constexpr std::size_t kMaxDataBytes = 256U << 20U;

/// All bytes of a file. Blocks on the disk. Errors: kNotFound, kResourceExhausted above kMaxDataBytes; the
/// message is like "open PATH: no such file or directory".
Result<std::string> read_file(const std::string& path);

/// The data that a command-line argument stands for: "-" is all of `in`, "@path" the bytes of a file, "\@..."
/// the argument without its backslash, anything else itself (as for Consul's `kv put`). Blocks on `in` or
/// the disk.
/// Errors: those of read_file, with "Failed to read file: " or "Failed to read stdin: " before the cause.
Result<std::string> load_data(std::string_view argument, std::istream& in);

}  // namespace discovery::cli
