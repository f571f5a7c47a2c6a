#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <discovery/async.h>
#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/env/env.h"
#include "lib/health/dial.h"
#include "lib/health/url.h"
#include "lib/http1/client.h"
#include "lib/tls/client.h"

namespace discovery::api {

/// Where, and how, something is told to somebody by a request of HTTP or HTTPS.
struct WebHookTarget {
  health::Url url;
  std::string method = "POST";
  std::vector<std::pair<std::string, std::string>> headers{};
  Duration timeout = std::chrono::seconds(10);  ///< for all of it
  bool tls_skip_verify = false;                 ///< the server need not prove who it is
};

/// What all of them share. `dialer` outlives them; without a context its kind of HTTPS fails and says so.
struct WebHookWorld {
  env::Env& env;
  health::Dialer& dialer;
  std::shared_ptr<const tls::ClientContext> tls{};
  std::shared_ptr<const tls::ClientContext> tls_unverified{};
};

/// One request under way. Destroying it cancels it: its callback then never runs.
/// Threads: the loop's. Blocks: never.
class WebHook {
 public:
  using Done = UniqueFunction<void(Result<int> status)>;

  /// Sends `body`, with `headers` beside those of the target, and calls `done` from the loop with the status
  /// of the answer. kUnavailable, kDeadlineExceeded, kInvalidArgument (a method that breaks the request
  /// line). `target` must outlive it.
  WebHook(const WebHookWorld& world, const WebHookTarget& target, http1::HeaderBlock headers,
          std::string body, Done done);
  WebHook(const WebHook&) = delete;
  WebHook& operator=(const WebHook&) = delete;

 private:
  void dial();
  void shake_hands(std::unique_ptr<env::Stream> stream);
  void send(std::unique_ptr<env::Stream> stream);
  void end(Result<int> status);
  Duration left() const;

  const WebHookWorld world_;
  const WebHookTarget& target_;
  const Duration deadline_;
  Done done_;
  http1::EncodedRequest request_;
  std::unique_ptr<env::Timer> refused_;  // when it cannot even begin
  std::unique_ptr<health::Dialer::Attempt> attempt_;
  std::unique_ptr<tls::Handshake> handshake_;
  std::unique_ptr<http1::Fetch> fetch_;
};

}  // namespace discovery::api
