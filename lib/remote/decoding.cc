#include "lib/remote/decoding.h"

#include <optional>
#include <utility>

#include "lib/remote/answers.h"

namespace discovery::remote {
namespace {

using Decoded = Result<std::shared_ptr<const model::SharedAnswer>>;

Decoded decode_now(const model::Query& query, int status, const std::string& body) {
  Result<model::Value> value = decode_answer(query, status, body);
  if (!value.ok()) return value.status();
  return std::make_shared<const model::SharedAnswer>(*std::move(value));
}

}  // namespace

Decoding::~Decoding() {
  workers_.reset();
  auto ending = std::exchange(under_way_, {});
  for (auto& [id, done] : ending) done(Status(Code::kCancelled, "the instance is stopping"));
}

void Decoding::decode(const std::shared_ptr<const model::Query>& query, int status,
                      const std::shared_ptr<const std::string>& body, Done done) {
  if (body->size() > kLongBody) {
    const std::uint64_t id = ++begun_;
    auto decoded = std::make_shared<std::optional<Decoded>>();
    const Status begun =
        workers_->run([decoded, query, status, body] { decoded->emplace(decode_now(*query, status, *body)); },
                      [this, id, decoded] {
                        const auto found = under_way_.find(id);
                        if (found == under_way_.end()) return;
                        Done then = std::move(found->second);
                        under_way_.erase(found);
                        then(**decoded);
                      });
    if (begun.ok()) {
      under_way_.emplace(id, std::move(done));
      return;
    }
  }
  done(decode_now(*query, status, *body));
}

}  // namespace discovery::remote
