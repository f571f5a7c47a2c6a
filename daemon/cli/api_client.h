#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <discovery/status.h>

namespace discovery::cli {

/// Query parameters in the order in which they are sent, not yet escaped.
using Query = std::vector<std::pair<std::string, std::string>>;

/// Where the agent's HTTP API is, and what goes with every request to it.
struct ApiClientConfig {
  bool tls = false;
  std::string host = "127.0.0.1";  ///< without brackets where it is an IPv6 address
  int port = 8500;
  std::string unix_socket{};           ///< path; if set, host, port and tls do not count
  std::string base_path{};             ///< before "/v1", e.g. "/consul"; empty or without a '/' at its end
  std::string token{};                 ///< X-Consul-Token
  std::string username{}, password{};  ///< HTTP basic authentication, if `username` is set
  Query query{};                       ///< sent with every request (dc, ns, partition)
  bool stale = false;                  ///< adds "stale" to reads
  std::string ca_file{}, ca_path{}, client_cert{}, client_key{};  ///< PEM files, a directory of them
  std::string tls_server_name{};  ///< expected in the certificate instead of `host`
  bool tls_verify = true;
};

/// One request to the API.
struct ApiRequest {
  std::string method = "GET";
  std::string path{};  ///< escaped, see escape_path(), e.g. "/v1/kv/a"
  Query query{};
  std::string body{};
  std::string content_type = "application/octet-stream";  ///< of the body, if there is one
};

/// What the agent answered.
struct ApiResponse {
  int status = 0;
  std::string body{};
  std::string index{};  ///< X-Consul-Index: what the next blocking query waits beyond; empty if there is none
  std::string hash{};   ///< X-Consul-Contenthash, likewise
};

/// A client of the HTTP API of one agent.
/// Threads: one at a time, but for cancel(). Blocks: every call but that, until the answer is there or a
/// time-out (30 s to connect, as long for TLS, and 11 minutes to answer, a little more than the longest
/// blocking query).
class ApiClient {
 public:
  /// A client that has not connected yet. Errors: kInvalidArgument (a token or another text that cannot stand
  /// in a header, a certificate file that cannot be read), kUnavailable (the system lacks what is needed).
  static Result<ApiClient> create(ApiClientConfig config);

  ApiClient(ApiClient&&) noexcept;
  ApiClient& operator=(ApiClient&&) noexcept;
  ~ApiClient();

  /// Sends a request and returns the answer, whatever its status. Errors: kUnavailable or kCancelled, with a
  /// message like `Get "http://127.0.0.1:8500/v1/kv/a": dial tcp 127.0.0.1:8500: connect: connection
  /// refused`; kResourceExhausted for an answer of more than kMaxResponseBytes.
  Result<ApiResponse> send(const ApiRequest& request);

  /// Takes a piece of an answer; false ends the request.
  using Sink = std::function<bool(std::string_view piece)>;
  /// As send(), but hands the body of a 200 to `sink` as it comes, however much it is and however long it
  /// takes; the answer's own is then empty. An answer that breaks off is kUnavailable.
  Result<ApiResponse> stream(const ApiRequest& request, const Sink& sink);

  /// Sends a request and returns the body of a 200. Errors: those of send(), and kFailedPrecondition with the
  /// message "Unexpected response code: STATUS (BODY)".
  Result<std::string> call(const ApiRequest& request);

  /// Breaks off the request that is under way, which is then kCancelled, as are all later ones. Threads: any.
  /// Blocks: never.
  void cancel();

 private:
  class Impl;
  explicit ApiClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The largest body of an answer that is taken in, in bytes.
inline constexpr std::size_t kMaxResponseBytes = 1024U << 20U;

/// The failure "Unexpected response code: STATUS (BODY)" that stands for an answer.
Status unexpected_response(const ApiResponse& response);

/// `path` percent-encoded so that it can stand in a URL's path, slashes kept, as Go's net/url does it.
std::string escape_path(std::string_view path);

}  // namespace discovery::cli
