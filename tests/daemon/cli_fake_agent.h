#pragma once

/// \file
/// What the tests of the command line share: an HTTP server that stands in for an agent, and a way to run a
/// command against it without a process.

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/cli/cli.h"

namespace discovery::cli::testing {

/// A request as it came over the wire.
struct SeenRequest {
  std::string line;  ///< method and target, e.g. "GET /v1/kv/a?keys"
  std::string body;
  std::map<std::string, std::string> headers;  ///< by name in lower case; "" for one that is absent
};

/// Where a FakeAgent listens: on a free port of loopback, with TLS if it has a certificate, or on a unix
/// socket.
struct FakeAgentOptions {
  std::string unix_socket{};                   ///< path
  std::string certificate_file{}, key_file{};  ///< PEM
  std::string client_ca_file{};                ///< PEM; if set, clients must show a certificate of these
};

/// Listens, answers what it was told to, and notes what it was asked.
/// Threads: the server has its own; the methods may be called from the test's.
class FakeAgent {
 public:
  explicit FakeAgent(const FakeAgentOptions& options = {});
  ~FakeAgent();

  /// As it may stand in CONSUL_HTTP_ADDR.
  const std::string& address() const;
  /// Answers requests for `method_and_path` (without the query) so; anything else gets a 404.
  void on(const std::string& method_and_path, std::string body, int status = 200);
  /// The same with another answer each time; the last one stays. Each may have an index (X-Consul-Index).
  struct Answer {
    int status = 200;
    std::string body{};
    std::string index{};
    std::function<void()> before{};  ///< is done first, on the server's thread
  };
  void on_each(const std::string& method_and_path, std::vector<Answer> answers);
  std::vector<SeenRequest> seen() const;
  /// The line of the only request that came, or a text that says how many came.
  std::string only_line() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// A file that is there as long as this object.
class TemporaryFile {
 public:
  /// `name` is the end of its name.
  TemporaryFile(const std::string& name, const std::string& content);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  std::string path() const { return path_.string(); }
  /// What is in it by now.
  std::string content() const;

 private:
  std::filesystem::path path_;
};

/// How a run of the command line ended.
struct Outcome {
  int code;
  std::string out;
  std::string err;
};

using Variables = std::map<std::string, std::string>;

/// A look-up in `variables`, which must outlive it.
Environment environment_of(const Variables& variables);

/// What a run finds around it.
struct Surroundings {
  Variables env{};
  std::string in{};
  AgentRunner run_agent = [](std::span<const std::string>) { return 0; };
};

/// Runs `discoveryd ARGS...`.
Outcome run_cli(const std::vector<std::string>& args, const Surroundings& around = {});

/// Runs a command with the fake agent as CONSUL_HTTP_ADDR.
Outcome run_cli(const FakeAgent& agent, const std::vector<std::string>& args, const std::string& in = "");

}  // namespace discovery::cli::testing
