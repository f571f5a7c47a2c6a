#include "daemon/cli/api_client.h"

#include <httplib.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <map>
#include <utility>

#include "lib/base/percent.h"
#include "lib/base/strings.h"

namespace discovery::cli {
namespace {

constexpr std::chrono::seconds kConnectTimeout{30};
constexpr std::chrono::minutes kAnswerTimeout{11};

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

/// What went wrong below HTTP, in a few words.
std::string describe(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
      return "could not connect; does an agent run there? -http-addr (CONSUL_HTTP_ADDR) says where to ask";
    case httplib::Error::ConnectionTimeout:
      return "timed out while connecting";
    case httplib::Error::Read:
      return "the connection was closed or timed out before the answer was complete";
    case httplib::Error::Write:
      return "the connection was closed while the request was being sent";
    case httplib::Error::SSLConnection:
      return "the TLS handshake failed";
    case httplib::Error::SSLLoadingCerts:
      return "the CA certificates could not be loaded";
    case httplib::Error::SSLServerVerification:
      return "the server's certificate is not valid for this name and these CA certificates";
    default:
      return "request failed: " + httplib::to_string(error);
  }
}

#ifdef CPPHTTPLIB_OPENSSL_SUPPORT
/// The first numeric address of `host`, or `host` itself if it has none.
std::string numeric_address(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &list) != 0) return host;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  char text[NI_MAXHOST];
  const bool found =
      ::getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0;
  return found ? text : host;
}

std::unique_ptr<httplib::ClientImpl> make_tls_client(const ApiClientConfig& config) {
  // The library checks the certificate against the name it was given, so a server name of its own stands in
  // for the host, and the host's address is handed in beside it.
  const std::string& name = config.tls_server_name.empty() ? config.host : config.tls_server_name;
  auto client =
      std::make_unique<httplib::SSLClient>(name, config.port, config.client_cert, config.client_key);
  if (name != config.host) client->set_hostname_addr_map({{name, numeric_address(config.host)}});
  client->set_ca_cert_path(config.ca_file, config.ca_path);
  client->enable_server_certificate_verification(config.tls_verify);
  return client;
}
#endif

Result<std::unique_ptr<httplib::ClientImpl>> make_client(const ApiClientConfig& config) {
  if (!config.unix_socket.empty()) {
    auto client = std::make_unique<httplib::ClientImpl>(config.unix_socket, 80);
    client->set_address_family(AF_UNIX);
    return client;
  }
  if (!config.tls) return std::make_unique<httplib::ClientImpl>(config.host, config.port);
#ifdef CPPHTTPLIB_OPENSSL_SUPPORT
  std::unique_ptr<httplib::ClientImpl> client = make_tls_client(config);
  if (!client->is_valid()) return invalid_argument("Error loading client certificate or key");
  return client;
#else
  return Status(Code::kFailedPrecondition, "https is not supported: this program was built without TLS");
#endif
}

}  // namespace

constexpr int kOk = 200;

class ApiClient::Impl {
 public:
  Impl(ApiClientConfig config, std::unique_ptr<httplib::ClientImpl> client)
      : config_(std::move(config)), client_(std::move(client)) {
    client_->set_url_encode(false);  // paths and queries arrive escaped
    client_->set_connection_timeout(kConnectTimeout);
    client_->set_read_timeout(kAnswerTimeout);
    client_->set_write_timeout(kAnswerTimeout);
    if (!config_.username.empty()) client_->set_basic_auth(config_.username, config_.password);
  }

  Result<ApiResponse> send(const ApiRequest& request, const Sink& sink) {
    httplib::Request out;
    out.method = request.method;
    out.path = config_.base_path + request.path;
    append_query(out.path, config_.query);
    append_query(out.path, request.query);
    if (config_.stale && request.method == "GET") append_query(out.path, {{"stale", ""}});
    out.headers.emplace("Host", host_and_port(config_));
    if (!config_.token.empty()) out.headers.emplace("X-Consul-Token", config_.token);
    if (!request.body.empty()) out.headers.emplace("Content-Type", request.content_type);
    out.body = request.body;

    if (cancelled_) return failure(Code::kCancelled, out, "cancelled");
    ApiResponse response;
    bool too_large = false;
    bool ended = false;
    out.response_handler = [&](const httplib::Response& head) {
      response.status = head.status;
      return true;
    };
    out.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
      if (sink && response.status == kOk) {
        ended = !sink({data, size});
        return !ended;
      }
      too_large = size > kMaxResponseBytes - response.body.size();
      if (!too_large) response.body.append(data, size);
      return !too_large;
    };
    const httplib::Result result = client_->send(out);
    if (too_large) return failure(Code::kResourceExhausted, out, "the answer is too large");
    if (ended) return response;
    if (!result && cancelled_) return failure(Code::kCancelled, out, "cancelled");
    if (!result) return failure(Code::kUnavailable, out, describe(result.error()));
    response.status = result->status;
    response.index = result->get_header_value("X-Consul-Index");
    response.hash = result->get_header_value("X-Consul-Contenthash");
    return response;
  }

  void cancel() {
    cancelled_ = true;
    client_->stop();
  }

 private:
  Status failure(Code code, const httplib::Request& request, const std::string& cause) const {
    std::string method = request.method;  // "Get", "Put" as in the messages of Go's HTTP client
    std::transform(method.begin() + 1, method.end(), method.begin() + 1,
                   [](char c) { return static_cast<char>(c | 0x20); });
    const bool is_unix = !config_.unix_socket.empty();
    const std::string base = is_unix ? "unix://" + config_.unix_socket + ":"
                                     : (config_.tls ? "https://" : "http://") + host_and_port(config_);
    return {code, method + " " + base::go_quote(base + request.path) + ": " + cause};
  }

  ApiClientConfig config_;
  std::unique_ptr<httplib::ClientImpl> client_;
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
  Result<std::unique_ptr<httplib::ClientImpl>> client = make_client(config);
  if (!client.ok()) return client.status();
  return ApiClient(std::make_unique<Impl>(std::move(config), *std::move(client)));
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
