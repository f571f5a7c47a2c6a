#include "daemon/cli/lock_layout.h"

#include <iterator>
#include <set>
#include <utility>
#include <vector>

#include "daemon/cli/format.h"
#include "daemon/cli/reply.h"
#include "lib/base/base64.h"
#include "lib/base/strings.h"

namespace discovery::cli {
namespace {

constexpr const char* kLockKey = ".lock";
constexpr int kOk = 200;
constexpr int kNotFound = 404;
/// How long a look waits that has an index and nothing else to say.
constexpr std::chrono::minutes kLongWait{5};

/// A failure with what failed before its cause. A conflict says enough by itself.
Status because(std::string_view what, const Status& cause) {
  if (cause.code() == Code::kConflict) return cause;
  return {cause.code(), std::string(what) + ": " + std::string(cause.message())};
}

std::string kv_path(const std::string& key) { return "/v1/kv/" + escape_path(key); }

/// Entries of the store at one index.
struct Entries {
  rapidjson::Document list;  ///< an array
  std::string index;
};

Result<Entries> read(ApiClient& client, ApiRequest request, const std::string& index,
                     std::chrono::milliseconds wait) {
  if (!index.empty()) {
    request.query.emplace_back("index", index);
    request.query.emplace_back("wait", std::to_string(wait.count()) + "ms");
  }
  const Result<ApiResponse> response = client.send(request);
  if (!response.ok()) return response.status();
  Entries out{rapidjson::Document(rapidjson::kArrayType), response->index};
  if (response->status == kNotFound) return out;
  if (response->status != kOk) {
    // What a server says of itself may pass; what it says of the request does not.
    const Status status = unexpected_response(*response);
    if (response->status < 500) return status;
    return Status(Code::kUnavailable, std::string(status.message()));
  }
  Result<rapidjson::Document> list = parse_reply(response->body);
  if (!list.ok()) return list.status();
  if (list->IsArray()) out.list = *std::move(list);
  return out;
}

/// A write that says "true" or "false".
Result<bool> write(ApiClient& client, const ApiRequest& request) {
  const Result<std::string> body = client.call(request);
  if (!body.ok()) return body.status();
  return base::trim(*body) == "true";
}

class Lock final : public LockLayout {
 public:
  explicit Lock(const std::string& prefix) : key_(join_key(prefix, kLockKey)) {}

  std::string_view behavior() const override { return "release"; }
  Status prepare(ApiClient&, const std::string&) const override { return {}; }

  Result<Answer> attempt(ApiClient& client, const std::string& session, const std::string& index,
                         std::chrono::milliseconds wait) const override {
    Result<Answer> seen = look(client, session, {.path = kv_path(key_)}, index, wait);
    if (!seen.ok()) return because("failed to read lock", seen.status());
    if (seen->outcome != Outcome::kLost) return seen;
    const Result<bool> taken = write(client, change("acquire", session));
    if (!taken.ok()) return because("failed to acquire lock", taken.status());
    if (*taken) return Answer{Outcome::kHeld, {}};
    seen = look(client, session, {.path = kv_path(key_)}, {}, wait);
    if (!seen.ok()) return because("failed to read lock", seen.status());
    if (seen->outcome == Outcome::kLost) seen->outcome = Outcome::kRefused;
    return seen;
  }

  Result<Answer> check(ApiClient& client, const std::string& session,
                       const std::string& index) const override {
    Result<Answer> seen =
        look(client, session, {.path = kv_path(key_), .query = {{"consistent", ""}}}, index, kLongWait);
    if (seen.ok() && seen->outcome != Outcome::kHeld) seen->outcome = Outcome::kLost;
    return seen;
  }

  Status release(ApiClient& client, const std::string& session) const override {
    const Result<bool> released = write(client, change("release", session));
    return released.ok() ? Status() : because("failed to release lock", released.status());
  }

  Result<bool> clean_up(ApiClient& client) const override {
    const Result<Entries> entries = read(client, {.path = kv_path(key_)}, {}, {});
    if (!entries.ok()) return because("failed to read lock", entries.status());
    if (entries->list.Empty()) return true;
    const rapidjson::Value& entry = entries->list[0];
    if (number_of(entry, "Flags") != kLockFlags) return conflict();
    if (!text_of(entry, "Session").empty()) return false;
    return write(client, {.method = "DELETE",
                          .path = kv_path(key_),
                          .query = {{"cas", std::to_string(number_of(entry, "ModifyIndex"))}}});
  }

 private:
  static Status conflict() { return {Code::kConflict, "Existing key does not match lock use"}; }

  /// kLost here means that nobody has it.
  Result<Answer> look(ApiClient& client, const std::string& session, ApiRequest request,
                      const std::string& index, std::chrono::milliseconds wait) const {
    const Result<Entries> entries = read(client, std::move(request), index, wait);
    if (!entries.ok()) return entries.status();
    if (entries->list.Empty()) return Answer{Outcome::kLost, {}};
    const rapidjson::Value& entry = entries->list[0];
    if (number_of(entry, "Flags") != kLockFlags) return conflict();
    const std::string holder = text_of(entry, "Session");
    if (holder.empty()) return Answer{Outcome::kLost, {}};
    return Answer{holder == session ? Outcome::kHeld : Outcome::kTaken, entries->index};
  }

  ApiRequest change(const char* verb, const std::string& session) const {
    return {.method = "PUT",
            .path = kv_path(key_),
            .query = {{verb, session}, {"flags", std::to_string(kLockFlags)}}};
  }

  const std::string key_;
};

class Semaphore final : public LockLayout {
 public:
  Semaphore(std::string prefix, int limit)
      : prefix_(std::move(prefix)), key_(join_key(prefix_, kLockKey)), limit_(limit) {}

  std::string_view behavior() const override { return "delete"; }

  Status prepare(ApiClient& client, const std::string& session) const override {
    const std::string flags = std::to_string(kSemaphoreFlags);
    const Result<bool> made = write(client, {.method = "PUT",
                                             .path = kv_path(join_key(prefix_, session)),
                                             .query = {{"acquire", session}, {"flags", flags}}});
    if (!made.ok()) return because("failed to make contender entry", made.status());
    return *made ? Status() : Status(Code::kFailedPrecondition, "failed to make contender entry");
  }

  Result<Answer> attempt(ApiClient& client, const std::string& session, const std::string& index,
                         std::chrono::milliseconds wait) const override {
    std::string beyond = index;
    while (true) {
      const Result<State> state = look(client, {}, beyond, wait);
      if (!state.ok()) return state.status();
      model::SemaphoreHolders lock = state->lock;
      if (lock.limit != limit_) {
        return Status(Code::kConflict, "semaphore limit conflict (lock: " + std::to_string(lock.limit) +
                                           ", local: " + std::to_string(limit_) + ")");
      }
      if (std::ssize(lock.holders) >= limit_) return Answer{Outcome::kTaken, state->index};
      lock.holders[session] = true;
      const Result<bool> set = put(client, lock, state->modify_index);
      if (!set.ok()) return because("failed to update lock", set.status());
      if (*set) return Answer{Outcome::kHeld, {}};
      beyond.clear();  // another one was faster: look again at once
    }
  }

  Result<Answer> check(ApiClient& client, const std::string& session,
                       const std::string& index) const override {
    const Result<State> state = look(client, {{"consistent", ""}}, index, kLongWait);
    if (!state.ok()) return state.status();
    return Answer{state->lock.holders.contains(session) ? Outcome::kHeld : Outcome::kLost, state->index};
  }

  Status release(ApiClient& client, const std::string& session) const override {
    while (true) {
      Result<State> state = look(client, {}, {}, {});
      if (!state.ok()) return state.status();
      if (state->lock.holders.erase(session) == 0) break;
      const Result<bool> set = put(client, state->lock, state->modify_index);
      if (!set.ok()) return because("failed to update lock", set.status());
      if (*set) break;
    }
    return write(client, {.method = "DELETE", .path = kv_path(join_key(prefix_, session))}).status();
  }

  Result<bool> clean_up(ApiClient& client) const override {
    const Result<State> state = look(client, {}, {}, {});
    if (!state.ok()) return state.status();
    if (state->modify_index == 0) return true;
    if (!state->lock.holders.empty()) return false;
    const Result<bool> removed = write(
        client,
        {.method = "DELETE", .path = kv_path(key_), .query = {{"cas", std::to_string(state->modify_index)}}});
    return removed.ok() ? removed : because("failed to remove semaphore", removed.status());
  }

 private:
  struct State {
    std::string index;
    std::uint64_t modify_index = 0;  ///< of the key; 0: there is none
    model::SemaphoreHolders lock{};  ///< with those that live: who has an entry that its session holds
  };

  Result<State> look(ApiClient& client, Query query, const std::string& index,
                     std::chrono::milliseconds wait) const {
    query.emplace_back("recurse", "");
    const Result<Entries> entries =
        read(client, {.path = kv_path(prefix_), .query = std::move(query)}, index, wait);
    if (!entries.ok()) return because("failed to read prefix", entries.status());
    State state{.index = entries->index, .lock = {.limit = limit_}};
    std::set<std::string> alive;
    for (const rapidjson::Value& entry : entries->list.GetArray()) {
      if (const std::string session = text_of(entry, "Session"); !session.empty()) alive.insert(session);
      if (text_of(entry, "Key") != key_) continue;
      if (number_of(entry, "Flags") != kSemaphoreFlags) {
        return Status(Code::kConflict, "Existing key does not match semaphore use");
      }
      state.modify_index = number_of(entry, "ModifyIndex");
      const Result<std::string> value = base::decode_base64(text_of(entry, "Value"));
      if (!value.ok()) return because("lock decoding failed", value.status());
      Result<model::SemaphoreHolders> lock = model::decode_semaphore(*value, limit_);
      if (!lock.ok()) return because("lock decoding failed", lock.status());
      state.lock = *std::move(lock);
    }
    std::erase_if(state.lock.holders, [&alive](const auto& holder) { return !alive.contains(holder.first); });
    return state;
  }

  Result<bool> put(ApiClient& client, const model::SemaphoreHolders& lock, std::uint64_t modify_index) const {
    return write(
        client, {.method = "PUT",
                 .path = kv_path(key_),
                 .query = {{"cas", std::to_string(modify_index)}, {"flags", std::to_string(kSemaphoreFlags)}},
                 .body = model::encode(lock)});
  }

  const std::string prefix_;
  const std::string key_;
  const int limit_;
};

}  // namespace

std::unique_ptr<LockLayout> make_lock_layout(const std::string& prefix) {
  return std::make_unique<Lock>(prefix);
}

std::unique_ptr<LockLayout> make_semaphore_layout(const std::string& prefix, int limit) {
  return std::make_unique<Semaphore>(prefix, limit);
}

std::string join_key(std::string_view prefix, std::string_view name) {
  std::vector<std::string> parts;
  const std::string whole = std::string(prefix) + "/" + std::string(name);
  for (const std::string_view part : base::split(whole, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else {
      parts.emplace_back(part);
    }
  }
  return join(parts, "/");
}

}  // namespace discovery::cli
