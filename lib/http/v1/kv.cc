#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "lib/base/go_number.h"
#include "lib/codec/json_writer.h"
#include "lib/http/read.h"
#include "lib/http/v1/endpoints.h"
#include "lib/http/v1/kv_bodies.h"
#include "lib/http/write.h"

namespace discovery::http::v1 {
namespace {

constexpr std::string_view kSizeHint =
    " See https://www.consul.io/docs/agent/options.html#kv_max_value_size.";

/// What the text of an entry takes beside its key, value and session, nearly always; and more with each part
/// on a line of its own.
constexpr std::size_t kEntryOverhead = 160;
constexpr std::size_t kEntryLayout = 96;

void render_entries(std::string& out, const model::Value& value, codec::JsonStyle style) {
  const auto* entries = std::get_if<model::KvEntries>(&value);
  codec::JsonWriter writer(out, style);
  if (entries == nullptr) return writer.null();
  const std::size_t overhead = kEntryOverhead + (style == codec::JsonStyle::kPretty ? kEntryLayout : 0);
  std::size_t size = 0;
  for (const auto& entry : *entries) {
    size += overhead + entry->key().size() + entry->session().size() + entry->value().size() / 3 * 4;
  }
  out.reserve(size);
  writer.begin_array();
  for (const auto& entry : *entries) {
    writer.element();
    write_entry(writer, *entry, entry->value());
  }
  writer.end_array();
}

template <class List>
bool is_empty(const model::Value& value) {
  const auto* list = std::get_if<List>(&value);
  return list == nullptr || list->empty();
}

constexpr View kEntries{.render = render_entries,
                        .is_missing = is_empty<model::KvEntries>,
                        .shows_consistency = false,
                        .meta_with_errors = false};
constexpr View kNames{.render = render_as<model::Names>,
                      .is_missing = is_empty<model::Names>,
                      .shows_consistency = false,
                      .meta_with_errors = false};
/// The root is always there.
constexpr View kRootNames{
    .render = render_as<model::Names>, .shows_consistency = false, .meta_with_errors = false};

/// One key. Its text goes straight into the reply: an entry is asked for by few at a time, and so its bytes
/// are not worth keeping.
void show_entry(Reply reply, const model::Answer& answer, const model::KvEntry& entry, bool raw) {
  http1::Response response = reply.response();
  add_meta(response.headers, answer.meta);
  std::string body;
  if (raw) {
    body = entry.value();
    // A value is anybody's text: no browser is to take it for a page of this origin.
    response.headers.add("Content-Type", "text/plain");
    response.headers.add("X-Content-Type-Options", "nosniff");
    response.headers.add("Content-Security-Policy", "sandbox");
  } else {
    response.headers.add("Content-Type", kJsonType);
    render_entries(body, answer.value(), reply.style());
    reply.end_json(body);
  }
  response.body = std::move(body);
  std::move(reply).send(std::move(response));
}

void get_entry(Request& request, Reply reply, std::string key, model::Read read) {
  const bool raw = request.params.has("raw");
  ask(request.context, std::move(reply), model::GetKey{std::move(key)}, std::move(read),
      [raw](Reply held, Result<model::Answer> answer) {
        if (!answer.ok()) return std::move(held).fail(answer.status());
        const auto* entries = std::get_if<model::KvEntries>(&answer->value());
        if (entries != nullptr && !entries->empty()) {
          return show_entry(std::move(held), *answer, *entries->front(), raw);
        }
        http1::Response response = held.response(404);
        add_meta(response.headers, answer->meta);
        std::move(held).send(std::move(response));
      });
}

void refuse_missing_key(Reply reply) { std::move(reply).text(400, "Missing key name"); }

void get(Request& request, Reply reply, ReadParams params) {
  std::string key(request.tail);
  if (request.params.has("keys")) {
    // The first spelling is an old mistake that clients still make.
    std::string_view separator = request.params.get("seperator");
    if (request.params.has("separator")) separator = request.params.get("separator");
    const View& view = key.empty() ? kRootNames : kNames;
    return show(request, std::move(reply), model::ListKeys{std::move(key), std::string(separator)},
                std::move(params), view);
  }
  if (request.params.has("recurse")) {
    return show(request, std::move(reply), model::ListKeysWithValues{std::move(key)}, std::move(params),
                kEntries);
  }
  if (key.empty()) return refuse_missing_key(std::move(reply));
  get_entry(request, std::move(reply), std::move(key), std::move(params.read));
}

/// Answers 400 if more than one of the parameters is there; returns whether.
bool refuse_conflict(const Request& request, Reply& reply, std::initializer_list<std::string_view> names) {
  const auto count = std::count_if(names.begin(), names.end(),
                                   [&](std::string_view name) { return request.params.has(name); });
  if (count < 2) return false;
  std::move(reply).text(400, "Conflicting flags: " + request.params.encode());
  return true;
}

/// Reads a number if the parameter is there. A bad one answers 500, with the number parser's own message.
bool read_number(const Request& request, Reply& reply, std::string_view name, std::uint64_t& out) {
  if (!request.params.has(name)) return true;
  const auto number = base::parse_go_uint(request.params.get(name));
  if (!number.ok()) {
    std::move(reply).fail(number.status());
    return false;
  }
  out = *number;
  return true;
}

/// Locks or unlocks for the session that a parameter names.
void lock(Request& request, Reply reply, model::KvCommand command, std::string_view parameter) {
  command.verb = parameter == "acquire" ? model::KvVerb::kLock : model::KvVerb::kUnlock;
  command.session = request.params.get(parameter);
  request.context.backend.apply(std::move(command), request.call())
      .then([reply = std::move(reply)](Result<model::Outcome> outcome) mutable {
        if (!outcome.ok()) return fail_applied(std::move(reply), outcome.status(), "raft apply failed: ");
        std::move(reply).json(outcome->result ? "true" : "false");
      });
}

void put(Request& request, Reply reply) {
  if (request.tail.empty()) return refuse_missing_key(std::move(reply));
  if (refuse_conflict(request, reply, {"cas", "acquire", "release"})) return;
  model::KvCommand command;
  command.key = request.tail;
  if (!read_number(request, reply, "flags", command.flags)) return;
  if (!read_number(request, reply, "cas", command.index)) return;
  if (refuse_large_body(request, reply, request.context.options.kv_max_value_size, kSizeHint)) return;
  command.value = std::move(request.message.body);
  if (request.params.has("acquire")) return lock(request, std::move(reply), std::move(command), "acquire");
  if (request.params.has("release")) return lock(request, std::move(reply), std::move(command), "release");
  const bool compares = request.params.has("cas");
  command.verb = compares ? model::KvVerb::kCas : model::KvVerb::kSet;
  apply(request, std::move(reply), std::move(command), request.call(),
        compares ? Outcomes::kResult : Outcomes::kDone);
}

void erase(Request& request, Reply reply) {
  if (refuse_conflict(request, reply, {"recurse", "cas"})) return;
  const bool whole_tree = request.params.has("recurse");
  const bool compares = request.params.has("cas");
  if (!whole_tree && request.tail.empty()) return refuse_missing_key(std::move(reply));
  model::KvCommand command;
  command.verb = whole_tree ? model::KvVerb::kDeleteTree
                 : compares ? model::KvVerb::kDeleteCas
                            : model::KvVerb::kDelete;
  command.key = request.tail;
  if (!read_number(request, reply, "cas", command.index)) return;
  apply(request, std::move(reply), std::move(command), request.call(),
        compares ? Outcomes::kResult : Outcomes::kDone);
}

}  // namespace

void kv(Request& request, Reply reply) {
  ReadParams params;
  // As Consul does, for writes too.
  if (Status status = parse_read(request, params); !status.ok()) return std::move(reply).refuse(status);
  if (Status status = check_namespace(request); !status.ok()) return std::move(reply).refuse(status);
  if (request.method == Method::kPut) return put(request, std::move(reply));
  if (request.method == Method::kDelete) return erase(request, std::move(reply));
  // Keys are not filtered, nor are they near to anything.
  params.read.filter.clear();
  params.read.near.clear();
  get(request, std::move(reply), std::move(params));
}

}  // namespace discovery::http::v1
