// Configuration from the key/value store, taken over while the program runs.
#include <cstdio>
#include <future>

#include <discovery/agent.h>

int main() {
  auto agent = discovery::Agent::start();
  if (!agent.ok()) return 1;
  discovery::KVStore kv = (*agent)->kv();
  if (!kv.put({"config/web/color", "blue"}).get().ok()) return 1;

  std::promise<void> is_red;
  auto watch = kv.watch("config/web/");
  watch.on_change([&](const discovery::Result<discovery::Update<discovery::KvPairs>>& update) {
    if (!update.ok()) return;  // the store cannot be reached: the last configuration stays
    for (const auto& changed : update->changes().added)
      std::printf("set      %s = %s\n", changed.key.c_str(), changed.value.c_str());
    for (const auto& changed : update->changes().updated) {
      std::printf("changed  %s = %s\n", changed.key.c_str(), changed.value.c_str());
      if (changed.value == "red") is_red.set_value();
    }
  });

  // An operator changes it, only if nobody else has meanwhile.
  const auto seen = kv.get("config/web/color").get();
  if (!seen.ok()) return 1;
  if (!kv.put({.key = "config/web/color", .value = "red", .if_modified = (*seen->value)->modified})
           .get()
           .ok())
    return 1;
  is_red.get_future().get();
  return 0;
}
