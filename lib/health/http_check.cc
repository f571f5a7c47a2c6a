// HTTP checks: the status of an answer
// (https://developer.hashicorp.com/consul/docs/services/usage/checks#http-checks).

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include "lib/base/base64.h"
#include "lib/base/strings.h"
#include "lib/base/text.h"
#include "lib/health/probe.h"
#include "lib/health/url.h"
#include "lib/http1/client.h"

namespace discovery::health {
namespace {

constexpr Duration kDefaultTimeout = std::chrono::seconds(10);
/// Of one probe. A target that answers with more redirections is not passing.
constexpr int kMaxRedirects = 10;

/// What few checks have.
struct Extras {
  std::string method;
  std::map<std::string, std::vector<std::string>> header;
  std::string body;
  std::string tls_server_name;
  bool tls_skip_verify = false;
  bool disable_redirects = false;
};

/// What a check asks, as it stays from one run to the next.
struct HttpTarget {
  ProbeWorld& world;
  base::Text url;
  Duration timeout;
  std::size_t max_output;
  std::unique_ptr<const Extras> extras;  // null: nothing out of the ordinary

  // Found once, from the above.
  http1::EncodedRequest request{};
  std::string host{};
  std::uint16_t port = 0;
  bool tls = false;

  std::string_view method() const {
    return extras && !extras->method.empty() ? std::string_view(extras->method) : "GET";
  }
};

/// "Get" for GET: errors of Go's client begin like that.
std::string title(std::string_view method) {
  std::string text = base::to_lower(method);
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

/// Whether a text can be the name of a header field (RFC 9110, section 5.6.2).
bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

/// Whether a field is the client's own affair, or would break the request.
bool is_left_out(std::string_view name) {
  return !is_token(name) || base::equal_ignoring_case(name, "Content-Length") ||
         base::equal_ignoring_case(name, "Transfer-Encoding") ||
         base::equal_ignoring_case(name, "Connection");
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// Adds the fields that a check asks with.
void add_fields(const Extras* extras, const Url& url, http1::ClientRequest& request) {
  bool has_agent = false;
  bool has_accept = false;
  bool has_authorization = false;
  if (extras != nullptr) {
    for (const auto& [name, values] : extras->header) {
      if (base::equal_ignoring_case(name, "Host")) {
        if (!values.empty()) request.host = values.front();
        continue;
      }
      if (is_left_out(name)) continue;
      has_agent = has_agent || base::equal_ignoring_case(name, "User-Agent");
      has_accept = has_accept || base::equal_ignoring_case(name, "Accept");
      has_authorization = has_authorization || base::equal_ignoring_case(name, "Authorization");
      for (const auto& value : values) request.headers.add(name, value);
    }
  }
  if (!has_agent) request.headers.add("User-Agent", "Consul Health Check");
  if (!has_accept) request.headers.add("Accept", "text/plain, text/*, */*");
  if (!url.user_info.empty() && !has_authorization) {
    request.headers.add("Authorization", "Basic " + base::encode_base64(url.user_info));
  }
}

/// What goes to the host of `url`.
Result<http1::EncodedRequest> encode(const Extras* extras, const Url& url, std::string_view method,
                                     bool with_body) {
  http1::ClientRequest request;
  request.method = method;
  request.target = url.target;
  request.host = url.authority;
  if (with_body && extras != nullptr) request.body = extras->body;
  add_fields(extras, url, request);
  return http1::encode(request);
}

/// One request after another until there is an answer that is no redirection.
class HttpRun {
 public:
  using Done = Probe::Done;

  /// `owner` is where it will be kept while it runs; it takes itself from there at its end.
  HttpRun(const HttpTarget& target, std::unique_ptr<HttpRun>& owner, Done done)
      : target_(target), owner_(owner), deadline_(now() + target.timeout), done_(std::move(done)) {}

  void start() {
    if (!target_.host.empty()) return dial(target_.host, target_.port);
    const Result<Url> url = parse_url(target_.url);
    Status why = url.ok() ? encode(target_.extras.get(), *url, method(), true).status() : url.status();
    timer_ = target_.world.env.make_timer();
    timer_->start(Duration::zero(), [this, why = std::move(why)] { fail(std::string(why.message())); });
  }

 private:
  Duration now() const { return target_.world.env.clock().monotonic(); }
  Duration left() const { return std::max(deadline_ - now(), Duration(1)); }

  bool uses_tls() const { return moved_ ? moved_->url.tls : target_.tls; }
  std::string_view method() const { return asks_get_ ? "GET" : target_.method(); }

  void dial(const std::string& host, std::uint16_t port) {
    attempt_ =
        target_.world.dialer.dial(host, port, left(), [this](Result<std::unique_ptr<env::Stream>> stream) {
          if (!stream.ok()) return fail(stream.status());
          if (uses_tls()) return protect(*std::move(stream));
          ask(*std::move(stream));
        });
  }

  void protect(std::unique_ptr<env::Stream> stream) {
    const Extras* extras = target_.extras.get();
    const bool verify = extras == nullptr || !extras->tls_skip_verify;
    const bool named = extras != nullptr && !extras->tls_server_name.empty();
    const auto& context = verify ? target_.world.tls : target_.world.tls_unverified;
    if (!context) return fail("tls: there is no TLS here");
    const std::string& host = moved_ ? moved_->url.host : target_.host;
    handshake_ =
        tls::connect(target_.world.env, std::move(stream), context, named ? extras->tls_server_name : host,
                     left(), [this](Result<std::unique_ptr<env::Stream>> protected_stream) {
                       if (!protected_stream.ok()) return fail(protected_stream.status());
                       ask(*std::move(protected_stream));
                     });
  }

  void ask(std::unique_ptr<env::Stream> stream) {
    const http1::ClientLimits limits{.timeout = left(),
                                     .max_body_bytes = target_.max_output,
                                     .keep_end = true,
                                     .keep_fields = false,
                                     .buffers = &target_.world.buffers};
    fetch_ = http1::exchange(target_.world.env, std::move(stream), moved_ ? moved_->request : target_.request,
                             limits, [this](Result<http1::ClientResponse> response) {
                               if (!response.ok()) return fail(response.status());
                               on_response(*std::move(response));
                             });
  }

  void on_response(const http1::ClientResponse& response) {
    const bool follow = target_.extras == nullptr || !target_.extras->disable_redirects;
    const std::string_view location = response.header("Location");
    if (follow && is_redirect(response.status) && !location.empty())
      return redirect(response.status, location);
    const int status = response.status;
    const Health health = status / 100 == 2 ? Health::kPassing
                          : status == 429   ? Health::kWarning
                                            : Health::kCritical;
    const std::string_view method = target_.method();
    std::string output;
    output.reserve(method.size() + target_.url.size() + response.reason.size() + response.body.size() + 24);
    output.append("HTTP ").append(method).append(1, ' ').append(target_.url.view()).append(": ");
    output.append(std::to_string(status)).append(1, ' ').append(response.reason);
    output.append(" Output: ").append(response.body);
    end({health, status, std::move(output)});
  }

  void redirect(int status, std::string_view location) {
    if (++redirects_ > kMaxRedirects) return fail("stopped after 10 redirects");
    const Result<Url> base = moved_ ? Result<Url>(moved_->url) : parse_url(target_.url);
    Result<Url> url = base.ok() ? resolve_url(*base, location) : base;
    if (!url.ok()) return fail("failed to parse Location header " + base::go_quote(location));
    const bool keeps_method = status == 307 || status == 308 || method() == "GET" || method() == "HEAD";
    asks_get_ = asks_get_ || !keeps_method;
    auto request = encode(target_.extras.get(), *url, method(), !asks_get_);
    moved_ = std::make_unique<Moved>(Moved{*std::move(url), {}});
    if (!request.ok()) return fail(std::string(request.status().message()));
    fetch_.reset();  // it held the request before
    moved_->request = *std::move(request);
    dial(moved_->url.host, moved_->url.port);
  }

  void fail(const Status& status) {
    if (status.code() == Code::kDeadlineExceeded && status.message() == "no answer in time") {
      return fail("context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
    }
    fail(std::string(status.message()));
  }
  void fail(const std::string& why) {
    const std::string where = moved_ ? moved_->url.to_string() : target_.url.str();
    end({Health::kCritical, 0, title(method()) + " " + base::go_quote(where) + ": " + why});
  }

  void end(ProbeResult result) {
    auto done = std::move(done_);
    const auto self = std::move(owner_);
    done(std::move(result));  // may destroy the owner
  }

  /// Where a redirection has led to, and what is asked there.
  struct Moved {
    Url url;
    http1::EncodedRequest request;
  };

  const HttpTarget& target_;
  std::unique_ptr<HttpRun>& owner_;
  const Duration deadline_;
  Done done_;
  std::unique_ptr<Moved> moved_;
  int redirects_ = 0;
  bool asks_get_ = false;  // whatever the method was: a redirection has made it one
  std::unique_ptr<env::Timer> timer_;
  std::unique_ptr<Dialer::Attempt> attempt_;
  std::unique_ptr<tls::Handshake> handshake_;
  std::unique_ptr<http1::Fetch> fetch_;
};

class HttpProbe final : public Probe {
 public:
  explicit HttpProbe(HttpTarget target) : target_(std::move(target)) {}

  void start(Done done) override {
    run_ = std::make_unique<HttpRun>(target_, run_, std::move(done));
    run_->start();
  }

 private:
  const HttpTarget target_;
  std::unique_ptr<HttpRun> run_;
};

std::unique_ptr<const Extras> extras_of(const model::CheckSpec& spec) {
  const bool ordinary = (spec.method.empty() || spec.method == "GET") && spec.header.empty() &&
                        spec.body.empty() && spec.tls_server_name.empty() && !spec.tls_skip_verify &&
                        !spec.disable_redirects;
  if (ordinary) return nullptr;
  return std::make_unique<const Extras>(Extras{spec.method, spec.header, spec.body, spec.tls_server_name,
                                               spec.tls_skip_verify, spec.disable_redirects});
}

}  // namespace

std::unique_ptr<Probe> make_http_probe(ProbeWorld& world, const model::CheckSpec& spec,
                                       std::size_t max_output) {
  HttpTarget target{world, spec.http, spec.timeout > Duration::zero() ? spec.timeout : kDefaultTimeout,
                    max_output, extras_of(spec)};
  if (Result<Url> url = parse_url(target.url); url.ok()) {
    if (auto request = encode(target.extras.get(), *url, target.method(), true); request.ok()) {
      target.request = *std::move(request);
      target.host = std::move(url->host);
      target.port = url->port;
      target.tls = url->tls;
    }
  }  // else a run says what is wrong
  return std::make_unique<HttpProbe>(std::move(target));
}

}  // namespace discovery::health
