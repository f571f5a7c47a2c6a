#pragma once

/// \file
/// How a key is shown (https://developer.hashicorp.com/consul/api-docs/kv#read-key).

#include <string_view>

#include "lib/codec/json_writer.h"
#include "lib/model/kv_entry.h"

namespace discovery::http::v1 {

/// Writes an entry with a value, which need not be its own: those who have just written it are shown none.
inline void write_entry(codec::JsonWriter& writer, const model::KvEntry& entry, std::string_view value) {
  writer.begin_object();
  writer.field("LockIndex", entry.lock_index());
  writer.field("Key", entry.key());
  writer.field("Flags", entry.flags());
  writer.bytes("Value", value, {.null_if_empty = true});
  writer.field("Session", entry.session(), {.omit_empty = true});
  writer.field("CreateIndex", entry.create_index());
  writer.field("ModifyIndex", entry.modify_index());
  writer.end_object();
}

}  // namespace discovery::http::v1
