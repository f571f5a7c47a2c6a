#include "lib/api/function_checks.h"

#include <utility>

#include "lib/api/service_form.h"

namespace discovery::api {

FunctionChecks::FunctionChecks(env::Env& env, model::LocalAgent& local)
    : local_(local), runner_(env, [this](const CheckRunner::Seen& seen) { report(seen); }) {}

std::uint64_t FunctionChecks::add(const std::string& check_id, const CheckSpec& check,
                                  const std::string& token) {
  const std::uint64_t number = ++last_;
  targets_.emplace(number, Target{check_id, token, check.initial});
  runner_.add(number, check);
  return number;
}

void FunctionChecks::remove(std::uint64_t number) {
  targets_.erase(number);
  runner_.remove(number);
}

void FunctionChecks::report(const CheckRunner::Seen& seen) {
  const auto found = targets_.find(seen.id);
  if (found == targets_.end()) return;
  Target& target = found->second;
  if (seen.health) target.health = *seen.health;
  // Said again where nothing has changed: silence would let the TTL run out.
  local_
      .update_check(target.check_id, std::string(status_word(target.health)), seen.output,
                    {.token = target.token})
      .then([](const Result<Unit>&) {});
}

}  // namespace discovery::api
