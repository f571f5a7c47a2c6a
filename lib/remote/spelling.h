#pragma once

/// \file
/// Questions and changes as requests of Consul's HTTP API (https://developer.hashicorp.com/consul/api-docs).

#include <string>
#include <string_view>

#include <discovery/status.h>

#include "lib/http1/client.h"
#include "lib/model/command.h"
#include "lib/model/query.h"

namespace discovery::remote {

/// A request's target, put together.
class Target {
 public:
  /// `path` is encoded already.
  explicit Target(std::string path) : text_(std::move(path)) {}

  Target& add(std::string_view name);
  Target& add(std::string_view name, std::string_view value);
  /// Unless it is empty.
  Target& add_if(std::string_view name, std::string_view value);

  std::string take() && { return std::move(text_); }

 private:
  void separate();

  std::string text_;
  bool has_query_ = false;
};

/// What asks a question; of `read` everything counts but the token, the wait only beside an index.
/// kInvalidArgument: it cannot be asked over HTTP. Pure.
Result<http1::ClientRequest> spell(const model::Query& query, const model::Read& read,
                                   std::string_view datacenter);

/// Whether the endpoint of a question has blocking queries.
bool can_wait(const model::Query& query) noexcept;

/// Whether a key can be in a path: agents clean paths, and so would take it for another one.
/// kInvalidArgument. Pure.
Status check_key(std::string_view key);

/// A change as a request.
struct SpelledCommand {
  http1::ClientRequest message;
  bool repeatable = true;  ///< doing it twice is as good as doing it once
};

/// What makes a change. kInvalidArgument: it cannot be made over HTTP. kResourceExhausted: a transaction of
/// more operations than `max_operations`. Pure.
Result<SpelledCommand> spell(const model::Command& command, std::string_view datacenter,
                             std::size_t max_operations);

/// What renews a session. kInvalidArgument: there is no id. Pure.
Result<http1::ClientRequest> spell_renewal(std::string_view session, std::string_view datacenter);

}  // namespace discovery::remote
