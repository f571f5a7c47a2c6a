#pragma once

/// \file
/// Checks: how it is found out whether something is healthy
/// (https://developer.hashicorp.com/consul/docs/services/usage/checks).

#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include <discovery/instance.h>
#include <discovery/status.h>
#include <discovery/types.h>

namespace discovery::inline v0 {

/// Somebody reports; critical when nobody has for `ttl`. At least 1 ms.
struct TtlCheck {
  Duration ttl{};
};

/// Passing if a TCP connection to "host:port" is accepted.
struct TcpCheck {
  std::string address{};
  Duration interval = std::chrono::seconds(10);  ///< from one run's beginning to the next; at least 1 ms
  Duration timeout = std::chrono::seconds(10);
};

/// Passing if the answer's status is 2xx, warning for 429, else critical.
struct HttpCheck {
  std::string url{};  ///< http:// or https://
  std::string method = "GET";
  std::map<std::string, std::vector<std::string>> headers{};
  std::string body{};
  Duration interval = std::chrono::seconds(10);
  Duration timeout = std::chrono::seconds(10);
  std::string tls_server_name{};  ///< the name that the certificate must have; empty: the URL's host
  bool tls_skip_verify = false;
};

/// A function of this program: passing if it returns ok, warning for kResourceExhausted, else critical; the
/// status' message is the check's output. It runs on a thread of the library's workers and may block; it
/// should end soon once `stop` is requested: at the timeout, or when the check goes. While it does not, the
/// check is critical and is not run again, and whoever runs it cannot stop. Exceptions count as critical.
struct CallCheck {
  std::function<Status(std::stop_token stop)> probe{};
  Duration interval = std::chrono::seconds(10);
  Duration timeout = std::chrono::seconds(10);
};

/// A check. Only `probe` must be set.
struct CheckSpec {
  std::string id{};    ///< empty: made from the service's id, or from the name
  std::string name{};  ///< empty: a name that says what is checked
  std::string notes{};
  std::variant<TtlCheck, TcpCheck, HttpCheck, CallCheck> probe{};
  Health initial = Health::kCritical;  ///< until the first result
  int passes_to_recover = 1;           ///< so many good results in a row until it is passing; at least 1
  int failures_to_trip = 1;            ///< so many bad results in a row until it is critical; at least 1
  Duration deregister_after{};  ///< its service goes when it was critical for so long; 0: never. Consul looks
                                ///< every 30 s, and no service goes before a minute.
};

}  // namespace discovery::inline v0
