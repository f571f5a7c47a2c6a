// Small texts of parameters, headers and configuration: numbers, durations, base64, ids, networks, URLs of
// agents. The first byte says what the rest is taken for. What was read can be written, and reads back as the
// same.

#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "lib/base/base64.h"
#include "lib/base/duration.h"
#include "lib/base/go_number.h"
#include "lib/base/percent.h"
#include "lib/base/uuid.h"
#include "lib/http/gzip.h"
#include "lib/http/network.h"
#include "lib/http/params.h"
#include "lib/http/path.h"
#include "lib/model/session.h"
#include "lib/remote/server_url.h"
#include "tests/fuzz/readers.h"

namespace {

using namespace discovery;  // NOLINT: a program of its own

void require(bool condition) {
  if (!condition) std::abort();
}

void read_duration(std::string_view text) {
  const auto value = base::parse_go_duration(text);
  if (!value.ok()) return;
  const auto back = base::parse_go_duration(base::format_go_duration(*value));
  require(back.ok() && *back == *value);
}

void read_number(std::string_view text) {
  for (const int radix : {10, 0, 16, 2}) {
    const auto whole = base::parse_go_int(text, radix);
    const auto positive = base::parse_go_uint(text, radix);
    if (whole.ok() && positive.ok()) require(static_cast<std::uint64_t>(*whole) == *positive);
  }
  (void)base::parse_go_atoi(text);
  (void)base::parse_go_bool(text);
  const auto real = base::parse_go_float(text);
  if (!real.ok() || !std::isfinite(*real)) return;
  std::string written;
  base::append_go_json_float(written, *real);
  const auto back = base::parse_go_float(written);
  require(back.ok() && *back == *real);
}

void read_base64(std::string_view text) {
  const auto bytes = base::decode_base64(text);
  if (bytes.ok()) require(*base::decode_base64(base::encode_base64(*bytes)) == *bytes);
  require(*base::decode_base64(base::encode_base64(text)) == text);
}

void read_path(std::string_view text) {
  std::string plain;
  require(http::append_unescaped(plain, base::percent_encode(text), false) && plain == text);
  const std::string clean = http::clean_path(std::string("/").append(text));
  require(http::clean_path(clean) == clean);
  http::Params params;
  (void)params.parse(text);
}

void read_id(std::string_view text) {
  (void)base::is_uuid(text);
  if (const auto key = model::SessionKey::parse(text); key.ok())
    require(key->view().size() <= model::SessionKey::kMaxSize);
}

void read_network(std::string_view text) {
  const std::size_t line = text.find('\n');
  const auto network = http::Network::parse(text.substr(0, line));
  if (network && line != std::string_view::npos) (void)network->contains(text.substr(line + 1));
  (void)http::accepts_gzip(text);
}

void read_server_url(std::string_view text) {
  const auto url = remote::parse_server_url(text);
  if (url.ok()) require(!url->host.empty() || !url->socket.empty());
}

constexpr std::array<fuzz::Reader, 7> kReaders{read_duration, read_number,  read_base64,    read_path,
                                               read_id,       read_network, read_server_url};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return discovery::fuzz::read_by_first_byte(kReaders, data, size);
}
