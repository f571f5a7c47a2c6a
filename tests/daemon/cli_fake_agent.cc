#include "tests/daemon/cli_fake_agent.h"

#include <httplib.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <fstream>
#include <iterator>
#include <mutex>
#include <sstream>
#include <thread>

#include "lib/base/strings.h"

namespace discovery::cli::testing {

class FakeAgent::Impl {
 public:
  explicit Impl(const FakeAgentOptions& options) {
    const bool tls = !options.certificate_file.empty();
    server_ = tls ? std::make_unique<httplib::SSLServer>(
                        options.certificate_file.c_str(), options.key_file.c_str(),
                        options.client_ca_file.empty() ? nullptr : options.client_ca_file.c_str())
                  : std::make_unique<httplib::Server>();
    const auto handler = [this](const httplib::Request& request, httplib::Response& response) {
      answer(request, response);
    };
    server_->Get(".*", handler).Put(".*", handler).Delete(".*", handler);
    if (options.unix_socket.empty()) {
      const int port = server_->bind_to_any_port("127.0.0.1");
      address_ = (tls ? "https://127.0.0.1:" : "127.0.0.1:") + std::to_string(port);
    } else {
      server_->set_address_family(AF_UNIX);
      server_->bind_to_port(options.unix_socket, 80);
      address_ = "unix://" + options.unix_socket;
    }
    thread_ = std::thread([this] { server_->listen_after_bind(); });
    while (!server_->is_running()) std::this_thread::yield();  // stop() before that is lost
  }

  ~Impl() {
    server_->stop();
    thread_.join();
  }

  const std::string& address() const { return address_; }

  void on_each(const std::string& method_and_path, std::vector<Answer> answers) {
    const std::lock_guard lock(mutex_);
    answers_[method_and_path] = {answers.begin(), answers.end()};
  }

  std::vector<SeenRequest> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  void answer(const httplib::Request& request, httplib::Response& response) {
    const Answer answer = note(request);
    if (answer.before) answer.before();
    response.status = answer.status;
    if (!answer.body.empty()) response.set_content(answer.body, "application/json");
    if (!answer.index.empty()) response.set_header("X-Consul-Index", answer.index);
  }

  /// Notes the request and finds its answer.
  Answer note(const httplib::Request& request) {
    const std::lock_guard lock(mutex_);
    SeenRequest& seen = seen_.emplace_back();
    seen.line = request.method + " " + request.target;
    seen.body = request.body;
    for (const auto& [name, value] : request.headers) seen.headers[base::to_lower(name)] = value;
    const auto at = answers_.find(request.method + " " + request.path);
    if (at == answers_.end()) return {.status = 404};
    Answer answer = at->second.front();
    if (at->second.size() > 1) at->second.pop_front();
    return answer;
  }

  std::unique_ptr<httplib::Server> server_;
  std::string address_;
  mutable std::mutex mutex_;
  std::map<std::string, std::deque<Answer>> answers_;
  std::vector<SeenRequest> seen_;
  std::thread thread_;
};

FakeAgent::FakeAgent(const FakeAgentOptions& options) : impl_(std::make_unique<Impl>(options)) {}
FakeAgent::~FakeAgent() = default;

const std::string& FakeAgent::address() const { return impl_->address(); }

void FakeAgent::on(const std::string& method_and_path, std::string body, int status) {
  impl_->on_each(method_and_path, {{.status = status, .body = std::move(body)}});
}

void FakeAgent::on_each(const std::string& method_and_path, std::vector<Answer> answers) {
  impl_->on_each(method_and_path, std::move(answers));
}

std::vector<SeenRequest> FakeAgent::seen() const { return impl_->seen(); }

std::string FakeAgent::only_line() const {
  const auto all = seen();
  return all.size() == 1 ? all[0].line : std::to_string(all.size()) + " requests";
}

TemporaryFile::TemporaryFile(const std::string& name, const std::string& content) {
  static std::atomic<int> serial{0};
  path_ = std::filesystem::temp_directory_path() /
          ("discoveryd_cli_test." + std::to_string(::getpid()) + "." + std::to_string(++serial) + "." + name);
  std::ofstream(path_, std::ios::binary) << content;
}

std::string TemporaryFile::content() const {
  std::ifstream stream(path_, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TemporaryFile::~TemporaryFile() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

Environment environment_of(const Variables& variables) {
  return [&variables](const std::string& name) {
    const auto at = variables.find(name);
    return at == variables.end() ? std::nullopt : std::optional(at->second);
  };
}

Outcome run_cli(const std::vector<std::string>& args, const Surroundings& around) {
  std::istringstream in(around.in);
  std::ostringstream out;
  std::ostringstream err;
  Context context{in, out, err, environment_of(around.env)};
  const int code = run(args, context, around.run_agent);
  return {code, out.str(), err.str()};
}

Outcome run_cli(const FakeAgent& agent, const std::vector<std::string>& args, const std::string& in) {
  Surroundings around;
  around.env = {{"CONSUL_HTTP_ADDR", agent.address()}};
  around.in = in;
  return run_cli(args, around);
}

}  // namespace discovery::cli::testing
