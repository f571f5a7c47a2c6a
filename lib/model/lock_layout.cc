#include "lib/model/lock_layout.h"

#include "lib/codec/json_reader.h"
#include "lib/codec/json_writer.h"

namespace discovery::model {

Result<SemaphoreHolders> decode_semaphore(std::string_view text, std::int64_t permits) {
  SemaphoreHolders holders;
  if (text.empty()) {
    holders.limit = permits;
    return holders;
  }
  if (Status status = codec::from_json(text, holders, {.ignore_unknown_fields = true}); !status.ok())
    return status;
  return holders;
}

std::string encode(const SemaphoreHolders& holders) { return codec::to_json(holders); }

}  // namespace discovery::model
