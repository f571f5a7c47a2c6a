#include "lib/http/json_size.h"

#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace discovery::http {
namespace {

/// The usual lengths of records: names of fields, punctuation, short values.
constexpr std::size_t kKey = 160;
constexpr std::size_t kSmallRecord = 250;
constexpr std::size_t kService = 450;
constexpr std::size_t kText = 8;  // in a list or a map, without what it says

template <class T>
concept List = !std::is_convertible_v<const T&, std::string_view> && requires(const T& list) {
  list.begin();
};

/// Adds up, until it is enough. Large may be what has no bound of its own: texts and lists.
class Counter {
 public:
  explicit Counter(std::size_t enough) : enough_(enough) {}

  std::size_t size() const noexcept { return size_; }

  void add(std::string_view text) { size_ += kText + text.size(); }
  void add(const model::KvEntryRef& entry) { add_key(*entry, true); }
  void add(const model::NodePtr& node) {
    size_ += kSmallRecord;
    add(node->tagged_addresses);
    add(node->meta);
  }
  void add(const model::ServicePtr& service) {
    size_ += kService;
    add(service->tags);
    add(service->meta);
    add(service->tagged_addresses);
    if (!service->proxy) return;
    add(service->proxy->config.json);
    for_each(service->proxy->expose.paths,
             [&](const auto& path) { size_ += kSmallRecord + path.path.size(); });
    for_each(service->proxy->upstreams,
             [&](const auto& upstream) { size_ += kSmallRecord + upstream.config.json.size(); });
  }
  void add(const model::CheckPtr& check) {
    size_ += kSmallRecord + check->notes.size() + check->output.size();
    add(check->service_tags);
    if (!check->definition) return;
    add(check->definition->body);
    add(check->definition->header);
    add(check->definition->script_args);
  }
  void add(const model::SessionPtr& session) {
    size_ += kSmallRecord;
    add(session->checks);
    if (session->node_checks) add(*session->node_checks);
    if (session->service_checks) size_ += kSmallRecord * session->service_checks->size();
  }
  void add(const model::CoordinatePtr& coordinate) {
    size_ += kSmallRecord + 3 * kText * coordinate->coordinate.vec.size();
  }
  void add(const model::ServiceNode& row) {
    add(row.node);
    add(row.service);
  }
  void add(const model::CheckServiceNode& row) {
    add(row.node);
    add(row.service);
    add(row.checks);
  }
  void add(const model::NodeServices& of_node) { add(of_node.services); }
  void add(const model::AgentService& own) { add(own.service); }
  void add(const model::ServiceAddress& address) { add(address.address); }
  void add(const model::TxnKey& key) { add_key(*key.entry, key.shows_value); }
  void add(const model::TxnRow& row) {
    std::visit([&](const auto& shown) { add(shown); }, row);
  }
  void add(const model::TxnResults& results) { add(results.rows); }
  template <class Key, class Value>
  void add(const std::pair<Key, Value>& entry) {
    add(entry.first);
    add(entry.second);
  }
  template <List Items>
  void add(const Items& items) {
    for_each(items, [&](const auto& item) { add(item); });
  }

 private:
  template <class Items, class Add>
  void for_each(const Items& items, Add&& add_one) {
    for (const auto& item : items) {
      if (size_ > enough_) return;
      add_one(item);
    }
  }
  void add_key(const model::KvEntry& entry, bool shows_value) {
    size_ += kKey + entry.key().size() + (shows_value ? entry.value().size() / 3 * 4 : 0);
  }

  std::size_t size_ = 0;
  const std::size_t enough_;
};

template <class What>
std::size_t count(const What& what, std::size_t enough) {
  Counter counter(enough);
  counter.add(what);
  return counter.size();
}

}  // namespace

std::size_t json_size(const model::Value& value, std::size_t enough) {
  return std::visit([enough](const auto& rows) { return count(rows, enough); }, value);
}
std::size_t json_size(std::span<const model::AgentService> services, std::size_t enough) {
  return count(services, enough);
}
std::size_t json_size(std::span<const model::CheckPtr> checks, std::size_t enough) {
  return count(checks, enough);
}

}  // namespace discovery::http
