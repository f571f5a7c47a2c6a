#include <string>
#include <utility>

#include "lib/base/duration.h"
#include "lib/server/query_engine.h"
#include "lib/server/shared_question.h"

namespace discovery::server {

/// Frees a long answer, with its many rows, off the loop if it was let go of there.
struct QueryEngine::Disposal {
  std::shared_ptr<Guard> guard;

  void operator()(const model::SharedAnswer* answer) const {
    std::unique_ptr<const model::SharedAnswer> doomed(answer);
    QueryEngine* engine = guard->engine;
    if (engine == nullptr || !guard->env.on_loop()) return;
    doomed->leave_ledger();
    // Refused, it is freed here.
    (void)engine->workers_->run([doomed = std::move(doomed)]() mutable { doomed.reset(); }, nullptr);
  }
};

QueryEngine::AnswerPtr QueryEngine::make_long_answer(model::Value value) {
  return {new model::SharedAnswer(std::move(value), answer_bytes_), Disposal{guard_}};
}

/// Has a worker evaluate a question. kResourceExhausted.
Status QueryEngine::launch(Shared& shared) {
  auto flight = std::make_shared<Flight>();
  Status status = workers_->run(
      // The store and the question outlive this: the engine waits for it before it goes.
      [this, flight, &question = shared.question] {
        flight->result = evaluate(question, store_.snapshot(), flight->stop);
        if (flight->result.ok()) flight->answer = make_long_answer(std::move(flight->result->value));
      },
      [this, &shared] { land(shared); });
  if (!status.ok()) {
    return {Code::kResourceExhausted,
            "too many long queries at a time (limit " + std::to_string(limits_.max_long_queries) + ")"};
  }
  // What is committed from now on may or may not be in its snapshot.
  shared.subscription = registry_.subscribe(interests(shared.question), shared);
  shared.overtaken = false;
  if (!shared.flight_end) shared.flight_end = env_.make_timer();
  shared.flight_end->start(limits_.max_evaluation, [flight] { flight->stop = flight->too_long = true; });
  shared.flight = std::move(flight);
  ++shared.flights;
  use(shared);
  return {};
}

/// For those who wait already, and who are not to be refused for the crowd that others make.
void QueryEngine::launch_or_queue(Shared& shared) {
  if (shared.to_launch || launch(shared).ok()) return;
  shared.to_launch = to_launch_.insert(to_launch_.end(), &shared);
}

void QueryEngine::land(Shared& shared) {
  const std::shared_ptr<Flight> flight = std::move(shared.flight);
  shared.flight_end.reset();
  if (flight->too_long && !flight->result.ok()) {
    ++statistics_.ended;
    flight->result = Status(Code::kResourceExhausted, "the query takes longer than " +
                                                          base::format_go_duration(limits_.max_evaluation));
  }
  ++statistics_.evaluations;
  ++statistics_.long_evaluations;
  const bool current = !shared.overtaken;
  using Answered = Result<model::Answer>;
  Answered answer = flight->result.ok() ? Answered(model::Answer{{}, std::move(flight->answer)})
                                        : Answered(flight->result.status());
  if (answer.ok()) {
    if (current) {
      shared.answer = answer->shared;
      shared.index = std::move(flight->result->index);
      shared.subscription = registry_.subscribe(flight->result->touched, shared);
      answer->meta.index = shared.index.resolve(store_.snapshot());
    } else {
      answer->shared->supersede();
      answer->meta.index = flight->result->index_then;
    }
  }
  std::vector<std::uint64_t> woken;
  bool some_wait = false;
  shared.waiters.for_each([&](const Waiter& waiter) {
    const bool asked_before = current || waiter.since_flight <= shared.flights;
    if (asked_before && (!answer.ok() || waiter.wants(answer->meta.index))) {
      woken.push_back(waiter.id);
    } else {
      some_wait = true;
    }
  });
  if (!current && some_wait) launch_or_queue(shared);
  if (woken.empty()) keep(shared);
  hand_out(answer, std::move(woken));
  while (!to_launch_.empty()) {
    Shared& next = *to_launch_.front();
    if (!launch(next).ok()) break;
    to_launch_.erase(*std::exchange(next.to_launch, {}));
  }
}

}  // namespace discovery::server
