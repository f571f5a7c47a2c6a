// HTTP checks: the status of an answer
// (https://developer.hashicorp.com/consul/docs/services/usage/checks#http-checks).

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include "lib/base/base64.h"
#include "lib/base/strings.h"
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
  std::string url;
  Duration timeout;
  std::size_t max_output;
  std::unique_ptr<const Extras> extras;  // null: nothing out of the ordinary

  std::string method() const { return extras && !extras->method.empty() ? extras->method : "GET"; }
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

/// One request after another until there is an answer that is no redirection.
class HttpRun {
 public:
  using Done = Probe::Done;

  HttpRun(const HttpTarget& target, Done done)
      : target_(target), deadline_(now() + target.timeout), method_(target.method()), done_(std::move(done)) {
    if (target_.extras) body_ = target_.extras->body;
  }

  void start() {
    Result<Url> url = parse_url(target_.url);
    if (url.ok()) {
      url_ = *std::move(url);
      return dial();
    }
    timer_ = target_.world.env.make_timer();
    timer_->start(Duration::zero(), [this, why = std::string(url.status().message())] { fail(why); });
  }

 private:
  Duration now() const { return target_.world.env.clock().monotonic(); }
  Duration left() const { return std::max(deadline_ - now(), Duration(1)); }

  void dial() {
    attempt_ = target_.world.dialer.dial(url_.host, url_.port, left(),
                                         [this](Result<std::unique_ptr<env::Stream>> stream) {
                                           if (!stream.ok()) return fail(stream.status());
                                           if (url_.tls) return protect(*std::move(stream));
                                           ask(*std::move(stream));
                                         });
  }

  void protect(std::unique_ptr<env::Stream> stream) {
    const Extras* extras = target_.extras.get();
    const bool verify = extras == nullptr || !extras->tls_skip_verify;
    const bool named = extras != nullptr && !extras->tls_server_name.empty();
    const auto& context = verify ? target_.world.tls : target_.world.tls_unverified;
    if (!context) return fail("tls: there is no TLS here");
    handshake_ = tls::connect(target_.world.env, std::move(stream), context,
                              named ? extras->tls_server_name : url_.host, left(),
                              [this](Result<std::unique_ptr<env::Stream>> protected_stream) {
                                if (!protected_stream.ok()) return fail(protected_stream.status());
                                ask(*std::move(protected_stream));
                              });
  }

  void ask(std::unique_ptr<env::Stream> stream) {
    http1::ClientRequest request;
    request.method = method_;
    request.target = url_.target;
    request.host = url_.authority;
    request.body = body_;
    add_fields(request);
    const http1::ClientLimits limits{
        .timeout = left(), .max_body_bytes = target_.max_output, .keep_end = true};
    fetch_ = http1::exchange(target_.world.env, std::move(stream), std::move(request), limits,
                             [this](Result<http1::ClientResponse> response) {
                               if (!response.ok()) return fail(response.status());
                               on_response(*std::move(response));
                             });
  }

  void add_fields(http1::ClientRequest& request) const {
    bool has_agent = false;
    bool has_accept = false;
    bool has_authorization = false;
    if (target_.extras) {
      for (const auto& [name, values] : target_.extras->header) {
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
    if (!url_.user_info.empty() && !has_authorization) {
      request.headers.add("Authorization", "Basic " + base::encode_base64(url_.user_info));
    }
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
    std::string output = "HTTP " + target_.method() + ' ' + target_.url + ": " + std::to_string(status) +
                         ' ' + response.reason + " Output: " + response.body;
    end({health, status, std::move(output)});
  }

  void redirect(int status, std::string_view location) {
    if (++redirects_ > kMaxRedirects) return fail("stopped after 10 redirects");
    Result<Url> url = resolve_url(url_, location);
    if (!url.ok()) return fail("failed to parse Location header " + base::go_quote(location));
    url_ = *std::move(url);
    const bool keeps_method = status == 307 || status == 308 || method_ == "GET" || method_ == "HEAD";
    if (!keeps_method) {
      method_ = "GET";
      body_.clear();
    }
    dial();
  }

  void fail(const Status& status) {
    if (status.code() == Code::kDeadlineExceeded && status.message() == "no answer in time") {
      return fail("context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
    }
    fail(std::string(status.message()));
  }
  void fail(const std::string& why) {
    const std::string& where = redirects_ > 0 ? url_.to_string() : target_.url;
    end({Health::kCritical, 0, title(method_) + " " + base::go_quote(where) + ": " + why});
  }

  void end(ProbeResult result) {
    auto done = std::move(done_);
    done(std::move(result));  // destroys this
  }

  const HttpTarget& target_;
  const Duration deadline_;
  std::string method_;
  std::string body_;
  Done done_;
  Url url_;
  int redirects_ = 0;
  std::unique_ptr<env::Timer> timer_;
  std::unique_ptr<Dialer::Attempt> attempt_;
  std::unique_ptr<tls::Handshake> handshake_;
  std::unique_ptr<http1::Fetch> fetch_;
};

class HttpProbe final : public Probe {
 public:
  explicit HttpProbe(HttpTarget target) : target_(std::move(target)) {}

  void start(Done done) override {
    run_ = std::make_unique<HttpRun>(target_, [this, done = std::move(done)](ProbeResult result) mutable {
      auto report = std::move(done);
      const auto run = std::move(run_);
      report(std::move(result));  // may destroy this
    });
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
  return std::make_unique<HttpProbe>(
      HttpTarget{world, spec.http, spec.timeout > Duration::zero() ? spec.timeout : kDefaultTimeout,
                 max_output, extras_of(spec)});
}

}  // namespace discovery::health
