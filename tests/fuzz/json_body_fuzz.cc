// A request's body: JSON into a service instance. What was read is written, and reads back as the same; the
// same goes for MessagePack. The bytes are also tried as MessagePack.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "lib/codec/json_reader.h"
#include "lib/codec/json_writer.h"
#include "lib/codec/msgpack.h"
#include "lib/model/describe_records.h"

namespace {

using discovery::model::ServiceInstance;
namespace codec = discovery::codec;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_round_trips(const ServiceInstance& service) {
  const std::string json = codec::to_json(service);
  for (const codec::JsonStyle style : {codec::JsonStyle::kCompact, codec::JsonStyle::kPretty}) {
    ServiceInstance back;
    require(codec::from_json(codec::to_json(service, style), back, {.allow_trailing_data = false}).ok());
    require(codec::to_json(back) == json);
  }
  ServiceInstance back;
  require(codec::from_msgpack(codec::to_msgpack(service), back).ok());
  require(codec::to_json(back) == json);
}

/// Any message makes JSON, as deep as messages may be. Names that are not UTF-8 may be sorted anew when that
/// is read, but only once.
void check_opaque(std::string_view message) {
  const codec::JsonReadOptions options{.allow_trailing_data = false, .max_depth = codec::kMaxMessageDepth};
  codec::Opaque any;
  if (!codec::from_msgpack(message, any).ok()) return;
  codec::Opaque once;
  codec::Opaque twice;
  require(codec::from_json(codec::to_json(any), once, options).ok());
  require(codec::from_json(codec::to_json(once), twice, options).ok());
  require(once == twice);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);

  ServiceInstance from_text;
  const discovery::Status strict = codec::from_json(input, from_text);
  if (strict.ok()) check_round_trips(from_text);

  ServiceInstance lenient;
  const discovery::Status status = codec::from_json(input, lenient, {.ignore_unknown_fields = true});
  require(status.ok() || !strict.ok());

  ServiceInstance from_message;
  (void)codec::from_msgpack(input, from_message);
  check_opaque(input);
  return 0;
}
