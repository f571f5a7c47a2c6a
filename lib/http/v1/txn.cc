#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "lib/http/read.h"
#include "lib/http/rendering.h"
#include "lib/http/v1/endpoints.h"
#include "lib/http/v1/txn_bodies.h"
#include "lib/http/write.h"

namespace discovery::http::v1 {
namespace {

constexpr std::string_view kSizeHint = " See https://www.consul.io/docs/agent/options.html#txn_max_req_len.";

constexpr View kTxn{.render = render_txn, .shares_bytes = false};

/// What a transaction came to, on its way to the client.
struct Showing {
  std::shared_ptr<const model::SharedAnswer> answer;
  std::optional<Meta> meta;  ///< of one that only reads

  std::string render(codec::JsonStyle style) const;
  void send(Reply reply, std::string json) const;
};

std::string Showing::render(codec::JsonStyle style) const {
  std::string json;
  render_txn(json, answer->value(), style);
  if (meta) append_read_meta(json, *meta, style);
  return json;
}

void Showing::send(Reply reply, std::string json) const {
  const auto* results = std::get_if<model::TxnResults>(&answer->value());
  const bool failed = results == nullptr || !results->errors.empty();
  http1::Response response = reply.response(failed ? 409 : 200);
  response.headers.add("Content-Type", kJsonType);
  if (meta) add_contact(response.headers, *meta);
  reply.end_json(json);
  response.body = std::move(json);
  std::move(reply).send(std::move(response));
}

void show(Context& context, Reply reply, Showing showing) {
  const codec::JsonStyle style = reply.style();
  const Format format{.pretty = reply.pretty()};
  if (!context.env.on_loop() || !takes_long(*showing.answer, kTxn, format)) {
    return showing.send(std::move(reply), showing.render(style));
  }
  auto json = std::make_shared<std::string>();
  auto shared = std::make_shared<const Showing>(std::move(showing));
  context.renderings->run([json, shared, style] { *json = shared->render(style); },
                          [json, shared, reply = std::move(reply)](const Status& done) mutable {
                            if (!done.ok()) return std::move(reply).fail(done);
                            shared->send(std::move(reply), std::move(*json));
                          });
}

void read(Request& request, Reply reply, model::TxnOperations operations) {
  ReadParams params;
  if (Status status = parse_read(request, params); !status.ok()) return std::move(reply).refuse(status);
  // Nothing here is waited for, filtered, or near to anything.
  params.read.min_index = 0;
  params.read.filter.clear();
  params.read.near.clear();
  ask(request.context, std::move(reply), model::ReadTxn{std::move(operations)}, std::move(params.read),
      [&context = request.context](Reply held, Result<model::Answer> answer) {
        if (!answer.ok()) return std::move(held).fail(answer.status());
        show(context, std::move(held), {std::move(answer->shared), answer->meta});
      });
}

void write(Request& request, Reply reply, model::TxnOperations operations) {
  request.context.backend.apply(model::TxnCommand{std::move(operations)}, request.call())
      .then([&context = request.context, reply = std::move(reply)](Result<model::Outcome> outcome) mutable {
        if (!outcome.ok()) return std::move(reply).fail(outcome.status());
        if (!outcome->txn) return std::move(reply).text(500, "the transaction's results are missing");
        show(context, std::move(reply), {std::move(outcome->txn), std::nullopt});
      });
}

}  // namespace

void txn(Request& request, Reply reply) {
  const Options& options = request.context.options;
  if (refuse_large_body(request, reply, options.max_txn_size(), kSizeHint)) return;
  if (Status status = check_namespace(request); !status.ok()) return std::move(reply).refuse(status);
  auto operations = read_operations(request.message.body, {.max_operations = options.txn_max_operations,
                                                           .max_value_size = options.kv_max_value_size});
  if (!operations) {
    const Status refusal = operations.status();
    if (refusal.code() != Code::kResourceExhausted) return std::move(reply).refuse(refusal);
    return std::move(reply).over_limit(413, "transaction", std::string(refusal.message()));
  }
  if (std::all_of(operations->begin(), operations->end(), model::only_reads)) {
    return read(request, std::move(reply), *std::move(operations));
  }
  write(request, std::move(reply), *std::move(operations));
}

}  // namespace discovery::http::v1
