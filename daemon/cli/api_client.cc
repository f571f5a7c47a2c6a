#include "daemon/cli/api_client.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include "lib/base/base64.h"
#include "lib/base/percent.h"
#include "lib/base/strings.h"
#include "lib/env/asio_env.h"
#include "lib/health/dial.h"
#include "lib/http1/client_connection.h"
#include "lib/tls/client.h"

namespace discovery::cli {
namespace {

constexpr std::chrono::seconds kConnectTimeout{30};
constexpr std::chrono::minutes kAnswerTimeout{11};
constexpr Duration kForever = std::chrono::hours(24 * 365);  // for streams

void append_query(std::string& target, const Query& query) {
  for (const auto& [name, value] : query) {
    target += target.find('?') == std::string::npos ? '?' : '&';
    target += base::percent_encode(name);
    if (!value.empty()) target += "=" + base::percent_encode(value);
  }
}

bool fits_header(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7F;
  });
}

Status check_readable(const std::string& path, const char* what) {
  if (path.empty() || std::ifstream(path).good()) return {};
  return invalid_argument(std::string("Error loading ") + what + ": cannot read " + path);
}

std::string host_and_port(const ApiClientConfig& config) {
  if (!config.unix_socket.empty()) return "localhost";
  const bool v6 = config.host.find(':') != std::string::npos;
  return (v6 ? "[" + config.host + "]" : config.host) + ":" + std::to_string(config.port);
}

std::string absolute(const std::string& path) {
  std::error_code error;
  const std::filesystem::path full = std::filesystem::absolute(path, error);
  return error ? path : full.string();
}

/// The failure of a connection, with what to do.
Status not_there(const Status& cause) {
  return {cause.code(), std::string(cause.message()) +
                            "; does an agent run there? -http-addr (CONSUL_HTTP_ADDR) says where to ask"};
}

/// One request on a connection of its own, from dialling to the end of the answer. Threads: the loop's.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  using Outcome = Result<http1::ClientResponse>;

  /// All that is given outlives this.
  Exchange(env::Env& env, const ApiClientConfig& config,
           const std::shared_ptr<const tls::ClientContext>& context, const http1::EncodedRequest& request,
           const ApiClient::Sink& sink)
      : env_(env), config_(config), context_(context), request_(request), sink_(sink), dialer_(env) {}

  void begin() {
    if (config_.unix_socket.empty()) {
      attempt_ = dialer_.dial(
          config_.host, static_cast<std::uint16_t>(config_.port), kConnectTimeout,
          [this](Result<std::unique_ptr<env::Stream>> stream) { on_connected(std::move(stream)); });
      return;
    }
    const env::Endpoint at{absolute(config_.unix_socket), 0};
    env_.connect(at, kConnectTimeout,
                 [weak = weak_from_this(), at](Result<std::unique_ptr<env::Stream>> stream) {
                   const auto self = weak.lock();
                   if (!self) return;
                   if (!stream.ok()) return self->end(not_there(health::dial_failure(at, stream.status())));
                   self->ask(std::move(stream));
                 });
  }
  void end(Outcome outcome) {
    if (!outcome_) outcome_ = std::move(outcome);
  }
  std::optional<Outcome>& outcome() noexcept { return outcome_; }

 private:
  void on_connected(Result<std::unique_ptr<env::Stream>> stream) {
    if (!stream.ok()) return end(not_there(stream.status()));
    if (!config_.tls) return ask(std::move(stream));
    const std::string& name = config_.tls_server_name.empty() ? config_.host : config_.tls_server_name;
    handshake_ = tls::connect(env_, *std::move(stream), context_, name, kConnectTimeout,
                              [this](Result<std::unique_ptr<env::Stream>> safe) { ask(std::move(safe)); });
  }

  void ask(Result<std::unique_ptr<env::Stream>> stream) {
    if (!stream.ok()) return end(stream.status());
    connection_ = std::make_unique<http1::ClientConnection>(env_, *std::move(stream));
    if (sink_) connection_->on_body(sink_);
    const http1::ClientLimits limits{.timeout = sink_ ? kForever : Duration(kAnswerTimeout),
                                     .max_body_bytes = kMaxResponseBytes};
    connection_->exchange(request_, limits, [this](Outcome outcome) { end(std::move(outcome)); });
  }

  env::Env& env_;
  const ApiClientConfig& config_;
  const std::shared_ptr<const tls::ClientContext>& context_;
  const http1::EncodedRequest& request_;
  const ApiClient::Sink& sink_;
  health::Dialer dialer_;
  std::unique_ptr<health::Dialer::Attempt> attempt_;
  std::unique_ptr<tls::Handshake> handshake_;
  std::unique_ptr<http1::ClientConnection> connection_;
  std::optional<Outcome> outcome_;
};

http1::ClientRequest to_message(const ApiClientConfig& config, const ApiRequest& request) {
  http1::ClientRequest message;
  message.method = request.method;
  message.host = host_and_port(config);
  message.target = config.base_path + request.path;
  append_query(message.target, config.query);
  append_query(message.target, request.query);
  if (config.stale && request.method == "GET") append_query(message.target, {{"stale", ""}});
  if (!config.token.empty()) message.headers.add("X-Consul-Token", config.token);
  if (!config.username.empty()) {
    message.headers.add("Authorization",
                        "Basic " + base::encode_base64(config.username + ":" + config.password));
  }
  if (!request.body.empty()) message.headers.add("Content-Type", request.content_type);
  message.body = request.body;
  return message;
}

}  // namespace

class ApiClient::Impl {
 public:
  Impl(ApiClientConfig config, std::unique_ptr<env::AsioEnv> env,
       std::shared_ptr<const tls::ClientContext> context)
      : config_(std::move(config)), context_(std::move(context)), env_(std::move(env)) {}

  Result<ApiResponse> send(const ApiRequest& request, const Sink& sink) {
    const http1::ClientRequest message = to_message(config_, request);
    const Result<http1::EncodedRequest> encoded = http1::encode(message);
    if (!encoded.ok()) return encoded.status();
    exchange_ = std::make_shared<Exchange>(*env_, config_, context_, *encoded, sink);
    if (cancelled_) {
      end_cancelled();
    } else {
      exchange_->begin();
    }
    while (!exchange_->outcome()) env_->run_some(std::chrono::minutes(1));
    Result<http1::ClientResponse> response = *std::move(std::exchange(exchange_, nullptr)->outcome());
    if (!response.ok()) return failure(message, response.status());
    if (response->truncated) {
      return failure(message, {Code::kResourceExhausted, "the answer is too large"});
    }
    return ApiResponse{.status = response->status,
                       .body = std::move(response->body),
                       .index = std::string(response->header("X-Consul-Index")),
                       .hash = std::string(response->header("X-Consul-Contenthash"))};
  }

  void cancel() {
    cancelled_ = true;
    env_->post([this] { end_cancelled(); });
  }

 private:
  void end_cancelled() {
    if (exchange_) exchange_->end(Status(Code::kCancelled, "cancelled"));
  }

  Status failure(const http1::ClientRequest& request, const Status& cause) const {
    std::string method = request.method;  // "Get", "Put" as in the messages of Go's HTTP client
    std::transform(method.begin() + 1, method.end(), method.begin() + 1,
                   [](char c) { return static_cast<char>(c | 0x20); });
    const bool is_unix = !config_.unix_socket.empty();
    const std::string base = is_unix ? "unix://" + config_.unix_socket + ":"
                                     : (config_.tls ? "https://" : "http://") + host_and_port(config_);
    const bool keeps_code = cause.code() == Code::kCancelled || cause.code() == Code::kResourceExhausted;
    return {keeps_code ? cause.code() : Code::kUnavailable,
            method + " " + base::go_quote(base + request.target) + ": " + std::string(cause.message())};
  }

  const ApiClientConfig config_;
  const std::shared_ptr<const tls::ClientContext> context_;  // null without TLS
  std::unique_ptr<env::AsioEnv> env_;
  std::shared_ptr<Exchange> exchange_;  // of the loop's thread, which is the one that sends
  std::atomic<bool> cancelled_ = false;
};

ApiClient::ApiClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ApiClient::ApiClient(ApiClient&&) noexcept = default;
ApiClient& ApiClient::operator=(ApiClient&&) noexcept = default;
ApiClient::~ApiClient() = default;

Result<ApiClient> ApiClient::create(ApiClientConfig config) {
  if (!fits_header(config.token)) {
    return invalid_argument("the token contains characters that cannot be sent in a header");
  }
  for (const auto& [path, what] :
       {std::pair(config.ca_file, "CA File"), std::pair(config.ca_path, "CA Path"),
        std::pair(config.client_cert, "client certificate"), std::pair(config.client_key, "client key")}) {
    if (const Status status = check_readable(path, what); !status.ok()) return status;
  }
  std::shared_ptr<const tls::ClientContext> context;
  if (config.tls && config.unix_socket.empty()) {
    Result<std::shared_ptr<const tls::ClientContext>> made =
        tls::ClientContext::create({.verify = config.tls_verify,
                                    .ca_file = config.ca_file,
                                    .ca_path = config.ca_path,
                                    .cert_file = config.client_cert,
                                    .key_file = config.client_key});
    if (!made.ok()) return made.status();
    context = *std::move(made);
  }
  Result<std::unique_ptr<env::AsioEnv>> env = env::AsioEnv::create({});
  if (!env.ok()) return env.status();
  return ApiClient(std::make_unique<Impl>(std::move(config), *std::move(env), std::move(context)));
}

Result<ApiResponse> ApiClient::send(const ApiRequest& request) { return impl_->send(request, nullptr); }

Result<ApiResponse> ApiClient::stream(const ApiRequest& request, const Sink& sink) {
  return impl_->send(request, sink);
}

Result<std::string> ApiClient::call(const ApiRequest& request) {
  Result<ApiResponse> response = send(request);
  if (!response.ok()) return response.status();
  if (response->status != 200) return unexpected_response(*response);
  return std::move(response->body);
}

void ApiClient::cancel() { impl_->cancel(); }

Status unexpected_response(const ApiResponse& response) {
  return {Code::kFailedPrecondition, "Unexpected response code: " + std::to_string(response.status) + " (" +
                                         std::string(base::trim(response.body)) + ")"};
}

std::string escape_path(std::string_view path) { return base::percent_encode(path, "$&+,/:;=@"); }

}  // namespace discovery::cli
