#include <string>

#include <catch2/catch.hpp>

#include "tests/health/probe_world.h"

namespace discovery::health {
namespace {

using namespace std::chrono_literals;

std::string response(const std::string& status, const std::string& body, const std::string& fields = {}) {
  return "HTTP/1.1 " + status + "\r\n" + fields + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

TEST_CASE("An answer's status is the check's", "[http_check]") {
  ProbeFixture f;
  Target target(f.server);
  struct Row {
    const char* status;
    Health health;
    int code;
  };
  for (const Row& row :
       {Row{"200 OK", Health::kPassing, 200}, Row{"204 No Content", Health::kPassing, 204},
        Row{"299 Odd", Health::kPassing, 299}, Row{"429 Too Many Requests", Health::kWarning, 429},
        Row{"404 Not Found", Health::kCritical, 404}, Row{"302 Found", Health::kCritical, 302},
        Row{"500 Own Words", Health::kCritical, 500}}) {
    CAPTURE(row.status);
    target.answer = [&](const std::string&) { return response(row.status, row.code == 204 ? "" : "body"); };
    const auto result = f.run(http_check("http://server/health?x=1"));
    CHECK(result.health == row.health);
    CHECK(result.code == row.code);
    CHECK(result.output == std::string("HTTP GET http://server/health?x=1: ") + row.status +
                               " Output: " + (row.code == 204 ? "" : "body"));
  }
}

TEST_CASE("The request, to the byte", "[http_check]") {
  ProbeFixture f;
  Target target(f.server, 8080);
  auto spec = http_check("http://server:8080");
  CHECK(f.run(spec).health == Health::kPassing);
  CHECK(target.connections.back()->asked ==
        "GET / HTTP/1.1\r\nHost: server:8080\r\nConnection: close\r\nUser-Agent: Consul Health Check\r\n"
        "Accept: text/plain, text/*, */*\r\n\r\n");
  spec.http = "http://us%65r:pass@server:8080/a b";
  spec.method = "PUT";
  spec.body = "text";
  spec.header = {{"Host", {"other"}}, {"X-A", {"1", "2\r\nEvil: yes"}}, {"user-agent", {"mine"}},
                 {"Accept", {"*/*"}}, {"Content-Length", {"99"}},       {"Not a token", {"x"}}};
  CHECK(f.run(spec).health == Health::kPassing);
  const std::string& asked = target.connections.back()->asked;
  CHECK(asked.starts_with("PUT /a%20b HTTP/1.1\r\nHost: other\r\nContent-Length: 4\r\n"));
  CHECK(asked.find("X-A: 1\r\nX-A: 2  Evil: yes\r\n") != std::string::npos);
  CHECK(asked.find("user-agent: mine\r\n") != std::string::npos);
  CHECK(asked.find("Consul Health Check") == std::string::npos);
  CHECK(asked.find("99") == std::string::npos);
  CHECK(asked.find("Not a token") == std::string::npos);
  CHECK(asked.find("Authorization: Basic dXNlcjpwYXNz\r\n") != std::string::npos);
}

TEST_CASE("Of a long body the end is kept", "[http_check]") {
  ProbeFixture f;
  Target target(f.server);
  std::string body;
  for (int i = 0; i < 20000; ++i) body += static_cast<char>('a' + i % 26);
  for (const bool chunked : {false, true}) {
    target.answer = [&](const std::string&) {
      if (!chunked) return response("200 OK", body);
      return "HTTP/1.0 200 OK\r\n\r\n" + body;  // until the end of the connection
    };
    const auto result = f.run(http_check("http://server/"), 10);
    CHECK(result.output == "HTTP GET http://server/: 200 OK Output: " + body.substr(body.size() - 10));
  }
}

TEST_CASE("Redirections are followed, within limits", "[http_check]") {
  ProbeFixture f;
  Target target(f.server);
  std::vector<std::string> lines;
  target.answer = [&](const std::string& request) {
    lines.push_back(request.substr(0, request.find(" HTTP")));
    if (request.find(" /end") != std::string::npos) return response("200 OK", "there");
    if (request.find(" /303") != std::string::npos)
      return response("303 See Other", "", "Location: a/../end?q\r\n");
    if (request.find(" /307") != std::string::npos)
      return response("307 X", "", "Location: http://server/end\r\n");
    return response("302 Found", "", "Location: /loop\r\n");
  };
  auto spec = http_check("http://server/303");
  spec.method = "POST";
  spec.body = "b";
  CHECK(f.run(spec).output == "HTTP POST http://server/303: 200 OK Output: there");
  CHECK(lines == std::vector<std::string>{"POST /303", "GET /end?q"});
  lines.clear();
  spec.http = "http://server/307";
  CHECK(f.run(spec).health == Health::kPassing);
  CHECK(lines == std::vector<std::string>{"POST /307", "POST /end"});
  spec.disable_redirects = true;
  CHECK(f.run(spec).output == "HTTP POST http://server/307: 307 X Output: ");
  lines.clear();
  const auto lost = f.run(http_check("http://server/loop"));
  CHECK(lost.health == Health::kCritical);
  CHECK(lost.output == "Get \"http://server/loop\": stopped after 10 redirects");
  CHECK(lines.size() == 11);
}

TEST_CASE("Targets that do not answer", "[http_check]") {
  ProbeFixture f;
  Target silent(f.server);
  silent.answer = [](const std::string&) { return std::string(); };
  auto spec = http_check("http://server/");
  spec.timeout = 3s;
  const Duration begun = f.world.now();
  CHECK(f.run(spec).output ==
        "Get \"http://server/\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
  CHECK(f.world.now() - begun < 3100ms);
  CHECK(f.run(http_check("http://server:81/")).output ==
        "Get \"http://server:81/\": dial tcp 10.0.0.1:81: connect: connection refused");
  CHECK(f.run(http_check("http://nobody/")).output ==
        "Get \"http://nobody/\": dial tcp: lookup nobody: no such host");
  silent.answer = [](const std::string&) { return std::string("SSH-2.0-nonsense\r\n\r\n"); };
  CHECK(f.run(http_check("http://server/")).output == "Get \"http://server/\": the answer is not HTTP");
  CHECK(f.run(http_check("ftp://server/")).output ==
        "Get \"ftp://server/\": unsupported protocol scheme \"ftp\"");
  CHECK(f.run(http_check("https://server/")).health == Health::kCritical);
}

TEST_CASE("A probe that is destroyed calls nobody", "[http_check]") {
  ProbeFixture f;
  Target target(f.server);
  ProbeWorld probes{f.client, f.dialer, nullptr, nullptr};
  for (int micros = 0; micros < 4000; micros += 50) {
    bool called = false;
    auto probe = *make_probe(probes, http_check("http://server/"), 100);
    probe->start([&](const ProbeResult&) { called = true; });
    f.world.run_for(std::chrono::microseconds(micros));
    const bool before = called;
    probe.reset();
    f.world.run_for(1s);
    CHECK(called == before);
  }
}

TEST_CASE("TCP checks", "[tcp_check]") {
  ProbeFixture f;
  Target target(f.server);
  model::CheckSpec spec;
  spec.interval = 1s;
  for (const char* where : {"server:80", "10.0.0.1:80"}) {
    spec.tcp = where;
    const auto result = f.run(spec);
    CHECK(result.health == Health::kPassing);
    CHECK(result.output == std::string("TCP connect ") + where + ": Success");
  }
  spec.tcp = "server:81";
  CHECK(f.run(spec).output == "dial tcp 10.0.0.1:81: connect: connection refused");
  spec.tcp = "server";
  CHECK(f.run(spec).output == "dial tcp: address server: missing port in address");
  spec.tcp = "a:b:80";
  CHECK(f.run(spec).output == "dial tcp: address a:b:80: too many colons in address");
  spec.tcp = "server:80";
  spec.timeout = 500ms;
  f.world.block(f.server, f.client);
  const auto lost = f.run(spec);
  CHECK(lost.health == Health::kCritical);
  CHECK(lost.output == "dial tcp 10.0.0.1:80: i/o timeout");
}

TEST_CASE("Script checks", "[script_check]") {
  ProbeFixture f;
  env::SimProgram run;
  f.client.set_program("script", [&](const env::ProcessOptions&) { return run; });
  model::CheckSpec spec;
  spec.interval = 1s;
  spec.args = {"script", "arg"};
  const auto check = [&](env::SimProgram program) {
    run = std::move(program);
    return f.run(spec, 10);
  };
  CHECK(check({.exit_code = 0, .output = "fine"}).health == Health::kPassing);
  CHECK(check({.exit_code = 1, .output = "so so"}).health == Health::kWarning);
  const auto bad = check({.exit_code = 2, .output = "bad"});
  CHECK(bad.health == Health::kCritical);
  CHECK(bad.code == 2);
  CHECK(bad.output == "bad");
  CHECK(check({.output = "a long output"}).output == "Captured 10 of 13 bytes\n...\nong output");
  CHECK(check({.takes = 40s}).output == "Timed out (30s) running check");
  spec.timeout = 200ms;
  CHECK(check({.takes = 1s, .output = "x"}).output == "Timed out (200ms) running check\n\nx");
  spec.args = {"missing"};
  CHECK(f.run(spec).output == "exec: \"missing\": executable file not found in $PATH");
}

TEST_CASE("Other kinds are not run", "[probe]") {
  ProbeFixture f;
  ProbeWorld probes{f.client, f.dialer, nullptr, nullptr};
  model::CheckSpec spec;
  spec.interval = 1s;
  spec.grpc = "server:1";
  CHECK(make_probe(probes, spec, 10).status().code() == Code::kInvalidArgument);
}

}  // namespace
}  // namespace discovery::health
