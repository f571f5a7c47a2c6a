#include "lib/state/text_pool.h"

#include <algorithm>

namespace discovery::state {

void TextPool::share(base::Text& text) {
  if (text.sharers() == 0) return;  // lies in its own word
  const auto found = texts_.find(text.view());
  if (found != texts_.end()) {
    text = *found;
    return;
  }
  if (texts_.size() >= next_sweep_) sweep();
  texts_.insert(text);
}

void TextPool::sweep() {
  absl::erase_if(texts_, [](const base::Text& text) { return text.sharers() == 1; });
  next_sweep_ = std::max(kFirstSweep, texts_.size() * 2);
}

void TextPool::share(base::Labels& labels) {
  labels.for_each([this](base::Text& text) { share(text); });
}

void TextPool::share(model::Node& node) {
  share(node.address);
  share(node.datacenter);
  share(node.tagged_addresses);
  share(node.meta);
}

void TextPool::share(model::ServiceInstance& service) {
  share(service.kind);
  share(service.name);
  share(service.address);
  for (base::Text& tag : service.tags) share(tag);
  share(service.meta);
}

void TextPool::share(model::HealthCheck& check) {
  share(check.name);
  share(check.status);
  share(check.notes);
  share(check.type);
  share(check.interval);
  share(check.timeout);
}

void TextPool::share(model::Session& session) {
  share(session.name);
  share(session.node);
  share(session.ttl);
  for (base::Text& check : session.checks) share(check);
  if (!session.node_checks) return;
  for (base::Text& check : *session.node_checks) share(check);
}

}  // namespace discovery::state
