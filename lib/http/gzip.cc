#include "lib/http/gzip.h"

#include <zlib.h>

#include <limits>
#include <memory>

#include "lib/base/go_number.h"
#include "lib/base/strings.h"

namespace discovery::http {
namespace {

constexpr int kGzipFormat = 16 + MAX_WBITS;
constexpr int kDefaultMemoryLevel = 8;

/// The weight among the parameters of a coding; 1 where none is given, 0 where it cannot be read.
double weight(std::string_view parameters) {
  for (std::size_t start = 0; start < parameters.size();) {
    const std::size_t end = std::min(parameters.find(';', start), parameters.size());
    const std::string_view parameter = base::trim(parameters.substr(start, end - start));
    start = end + 1;
    if (parameter.size() < 2 || (parameter[0] != 'q' && parameter[0] != 'Q') || parameter[1] != '=') continue;
    const auto value = base::parse_go_float(parameter.substr(2));
    return value.ok() ? *value : 0;
  }
  return 1;
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  for (std::size_t start = 0; start < accept_encoding.size();) {
    const std::size_t end = std::min(accept_encoding.find(',', start), accept_encoding.size());
    const std::string_view coding = accept_encoding.substr(start, end - start);
    start = end + 1;
    const std::size_t name_end = std::min(coding.find(';'), coding.size());
    if (!base::equal_ignoring_case(base::trim(coding.substr(0, name_end)), "gzip")) continue;
    return name_end == coding.size() || weight(coding.substr(name_end + 1)) > 0;
  }
  return false;
}

std::string gzip(std::string_view bytes) {
  if (bytes.size() > std::numeric_limits<uInt>::max()) return {};
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipFormat, kDefaultMemoryLevel, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return {};
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ended_at_last(&stream, deflateEnd);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // zlib only reads it
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool done =
      out.size() <= std::numeric_limits<uInt>::max() && deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(done ? stream.total_out : 0);
  return out;
}

}  // namespace discovery::http
