#include "lib/env/log_tap.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace discovery::env {
namespace {

struct Collected final : LogSink {
  std::vector<std::string> lines;
  void write(Level, std::string_view, std::string_view message) noexcept override {
    lines.emplace_back(message);
  }
};

TEST_CASE("who follows a log gets the lines of its level and above, the host's sink all") {
  const auto sink = std::make_shared<Collected>();
  const auto tap = std::make_shared<LogTap>(sink);
  std::vector<std::string> heard;
  {
    const auto subscription = LogTap::follow(tap, Level::kWarn, [&](const LogLine& line) {
      heard.push_back(std::string(line.unit) + "/" + std::string(line.message));
    });
    REQUIRE(subscription.ok());
    tap->write(Level::kInfo, "a", "quiet");
    tap->write(Level::kError, "b", "loud");
  }
  tap->write(Level::kError, "c", "later");
  CHECK(heard == std::vector<std::string>{"b/loud"});
  CHECK(sink->lines == std::vector<std::string>{"quiet", "loud", "later"});
}

TEST_CASE("only so many may follow") {
  const auto tap = std::make_shared<LogTap>(nullptr);
  std::vector<LogTap::Subscription> held;
  for (std::size_t i = 0; i < LogTap::kMaxFollowers; ++i) {
    auto subscription = LogTap::follow(tap, Level::kInfo, [](const LogLine&) {});
    REQUIRE(subscription.ok());
    held.push_back(*std::move(subscription));
  }
  CHECK(LogTap::follow(tap, Level::kInfo, [](const LogLine&) {}).status().code() == Code::kResourceExhausted);
  held.pop_back();
  CHECK(LogTap::follow(tap, Level::kInfo, [](const LogLine&) {}).ok());
}

TEST_CASE("lines of the log have Consul's forms") {
  const std::chrono::system_clock::time_point time(std::chrono::milliseconds(1767366245007));
  CHECK(format_log_text({Level::kInfo, "agent", "up"}, time) ==
        "2026-01-02T15:04:05.007Z [INFO]  agent: up\n");
  CHECK(format_log_text({Level::kError, "http", "down"}, time) ==
        "2026-01-02T15:04:05.007Z [ERROR] http: down\n");
  CHECK(format_log_json({Level::kWarn, "a", "say \"x\"\n"}, time) ==
        R"({"@level":"warn","@message":"say \"x\" ","@module":"a","@timestamp":"2026-01-02T15:04:05.007Z"})"
        "\n");
  CHECK(*parse_level("err") == Level::kError);
  CHECK(*parse_level("TRACE") == Level::kTrace);
  CHECK_FALSE(parse_level("loud").ok());
}

}  // namespace
}  // namespace discovery::env
