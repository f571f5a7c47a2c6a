#include "lib/http/rendering.h"

#include <algorithm>
#include <new>
#include <type_traits>
#include <utility>
#include <variant>

#include "lib/http/gzip.h"
#include "lib/http/json_size.h"

namespace discovery::http {
namespace {

using Form = model::SharedAnswer::Form;

/// Giving back more memory than this takes long.
constexpr std::size_t kLongToFree = 1U << 20;
/// How many clients one turn of the loop sends a body to before it lets others have theirs.
constexpr std::size_t kSendBatch = 4;

Form plain_form(Format format) { return format.pretty ? Form::kJsonPretty : Form::kJson; }
Form gzip_form(Format format) { return format.pretty ? Form::kJsonPrettyGzip : Form::kJsonGzip; }

std::string to_json(const model::Value& value, const View& view, Format format) {
  std::string json;
  view.render(json, value, format.pretty ? codec::JsonStyle::kPretty : codec::JsonStyle::kCompact);
  if (format.pretty) json += '\n';
  return json;
}

Status no_memory() { return {Code::kResourceExhausted, "There is no memory for this answer"}; }

Rendered render_with_memory(const model::SharedAnswer& answer, const View& view, Format format) {
  if (!view.shares_bytes) {
    std::string json = to_json(answer.value(), view, format);
    if (format.gzip && json.size() >= kMinGzipSize) {
      if (std::string compressed = gzip(json); !compressed.empty())
        return {std::make_shared<const std::string>(std::move(compressed)), true};
    }
    return {std::make_shared<const std::string>(std::move(json)), false};
  }
  const auto bytes = answer.bytes(plain_form(format),
                                  [&](const model::Value& value) { return to_json(value, view, format); });
  if (!format.gzip || bytes->size() < kMinGzipSize) return {bytes, false};
  const auto compressed =
      answer.bytes(gzip_form(format), [&bytes](const model::Value&) { return gzip(*bytes); });
  if (compressed->empty()) return {bytes, false};
  return {compressed, true};
}

}  // namespace

Result<Rendered> render(const model::SharedAnswer& answer, const View& view, Format format) {
  try {
    return render_with_memory(answer, view, format);
  } catch (const std::bad_alloc&) {
    return no_memory();
  }
}

bool takes_long(const model::SharedAnswer& answer, const View& view, Format format) {
  if (view.shares_bytes) {
    if (const auto plain = answer.find(plain_form(format))) {
      return format.gzip && plain->size() > kLongGzip && !answer.find(gzip_form(format));
    }
  }
  const std::size_t enough = format.gzip ? kLongGzip : kLongJson;
  return json_size(answer.value(), enough) > enough;
}

Renderings::Renderings(env::Env& env)
    : env_(env), alive_(std::make_shared<Renderings*>(this)), workers_(env.make_workers(kMaxUnderWay)) {}

Renderings::~Renderings() {
  *alive_ = nullptr;
  workers_.reset();
}

void Renderings::start(std::shared_ptr<const model::SharedAnswer> answer, const View& view, Format format,
                       Ready ready) {
  const Key key(answer.get(), &view, format);
  Waiting& waiting = waiting_[key];
  waiting.push_back(std::move(ready));
  if (waiting.size() > 1) return;
  auto result = std::make_shared<Result<Rendered>>(no_memory());
  // The answer stays until the end: by its address it is found by who wants the same.
  const auto work = [result, raw = answer.get(), &view, format] { *result = render(*raw, view, format); };
  const Status status = workers_->run(work, [this, key, result, held = std::move(answer)] {
    deliver(std::move(waiting_.extract(key).mapped()), *result);
  });
  if (status.ok()) return;
  deliver(std::move(waiting_.extract(key).mapped()),
          Status(Code::kResourceExhausted,
                 "too many long answers at a time (limit " + std::to_string(kMaxUnderWay) + ")"));
}

void Renderings::deliver(Waiting waiting, const Result<Rendered>& rendered, std::size_t from) {
  const std::size_t end = std::min(waiting.size(), from + kSendBatch);
  for (std::size_t at = from; at < end; ++at) waiting[at](rendered);
  if (end == waiting.size()) return;
  env_.post([alive = alive_, rendered, rest = std::move(waiting), end]() mutable {
    if (*alive != nullptr) (*alive)->deliver(std::move(rest), rendered, end);
  });
}

void Renderings::compress(http1::Body body, Compressed ready) {
  struct Job {
    http1::Body body;
    Compressed ready;
    bool compressed = false;
  };
  auto job = std::make_shared<Job>();
  job->body = std::move(body);
  job->ready = std::move(ready);
  const auto work = [raw = job.get()] {
    try {
      std::string smaller = gzip(raw->body.view());
      if (smaller.empty()) return;
      raw->body = std::move(smaller);
      raw->compressed = true;
    } catch (const std::bad_alloc&) {  // it goes as it is
    }
  };
  const auto done = [job] { job->ready(std::move(job->body), job->compressed); };
  if (!workers_->run(work, done).ok()) done();
}

std::shared_ptr<const std::string> Renderings::freed_by_worker(std::shared_ptr<const std::string> bytes) {
  if (bytes->size() < kLongToFree) return bytes;
  const std::string* const text = bytes.get();
  return {text, [&env = env_, alive = alive_, held = std::move(bytes)](const std::string*) mutable {
            if (env.on_loop() && *alive != nullptr) (*alive)->free_later(std::move(held));
          }};
}

void Renderings::free_later(std::shared_ptr<const std::string> bytes) {
  const std::size_t size = bytes->size();
  const std::size_t behind = to_free_->load(std::memory_order_relaxed);
  if (behind > 0 && behind + size > kMaxToFree) return;
  const auto counted = [sum = to_free_, size](const std::string*) {
    sum->fetch_sub(size, std::memory_order_relaxed);
  };
  to_free_->fetch_add(size, std::memory_order_relaxed);
  // It is no longer counted once it is gone, wherever that happens.
  std::shared_ptr<const std::string> token(bytes.get(), counted);
  (void)workers_->run(
      [bytes = std::move(bytes), token = std::move(token)]() mutable {
        bytes.reset();
        token.reset();
      },
      nullptr);
}

void Renderings::run(UniqueFunction<void()> work, UniqueFunction<void(Status)> done) {
  struct Job {
    UniqueFunction<void()> work;
    UniqueFunction<void(Status)> done;
    Status outcome{};

    void run() {
      try {
        work();
      } catch (const std::bad_alloc&) {
        outcome = no_memory();
      }
    }
  };
  auto job = std::make_shared<Job>(Job{std::move(work), std::move(done)});
  if (workers_->run([job] { job->run(); }, [job] { job->done(std::move(job->outcome)); }).ok()) return;
  job->run();
  job->done(std::move(job->outcome));
}

}  // namespace discovery::http
