#include "daemon/cli/data_source.h"

#include <array>
#include <cctype>
#include <cerrno>
#include <fstream>
#include <system_error>

namespace discovery::cli {
namespace {

/// The cause of the last failed system call, in lower case.
std::string last_error() {
  std::string text = std::generic_category().message(errno != 0 ? errno : EIO);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

Result<std::string> read_all(std::istream& in) {
  errno = 0;
  std::string data;
  std::array<char, 64U << 10U> block{};
  while (in.read(block.data(), block.size()) || in.gcount() > 0) {
    data.append(block.data(), static_cast<std::size_t>(in.gcount()));
    if (data.size() > kMaxDataBytes) {
      return Status(Code::kResourceExhausted, "more than " + std::to_string(kMaxDataBytes) + " bytes");
    }
  }
  if (in.bad()) return Status(Code::kUnavailable, last_error());
  return data;
}

Status with_context(std::string_view context, const Status& status) {
  return {status.code(), std::string(context) + std::string(status.message())};
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Status(Code::kNotFound, "open " + path + ": " + last_error());
  }
  Result<std::string> data = read_all(file);
  if (!data.ok()) return with_context("read " + path + ": ", data.status());
  return data;
}

Result<std::string> load_data(std::string_view argument, std::istream& in) {
  if (argument == "-") {
    Result<std::string> data = read_all(in);
    if (!data.ok()) return with_context("Failed to read stdin: ", data.status());
    return data;
  }
  if (argument.starts_with('@')) {
    Result<std::string> data = read_file(std::string(argument.substr(1)));
    if (!data.ok()) return with_context("Failed to read file: ", data.status());
    return data;
  }
  if (argument.starts_with("\\@")) argument.remove_prefix(1);
  return std::string(argument);
}

}  // namespace discovery::cli
