#include "daemon/agent/log_file.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace discovery {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// A folder for logs, and a clock that goes on when a test says so.
struct Folder {
  fs::path path;
  std::chrono::system_clock::time_point now{1'700'000'000s};

  Folder() {
    std::string name = (fs::temp_directory_path() / "discovery-log-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path); }

  LogFile::Options options(const std::string& name) {
    LogFile::Options options;
    options.path = (path / name).string();
    options.clock = [this] { return now; };
    return options;
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& one : fs::directory_iterator(path)) names.push_back(one.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string text(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(path / name).rdbuf();
    return text.str();
  }
};

TEST_CASE("a log file has the time in its name", "[log]") {
  Folder folder;
  fs::create_directory(folder.path / "dir");
  const auto name = [&](const std::string& path) {
    const auto log = LogFile::open(folder.options(path));
    REQUIRE(log.ok());
    return fs::relative(log->current(), folder.path).string();
  };
  CHECK(name("a.log") == "a-1700000000000000000.log");
  CHECK(name("a") == "a-1700000000000000000.log");
  CHECK(name("a.b.txt") == "a.b-1700000000000000000.txt");
  CHECK(name("dir") == "dir/consul-1700000000000000000.log");
  CHECK(name("dir/") == "dir/consul-1700000000000000000.log");
  CHECK((fs::status(folder.path / "a-1700000000000000000.log").permissions() & fs::perms::others_all) ==
        fs::perms::none);
}

TEST_CASE("a log file that is long enough has a successor", "[log]") {
  Folder folder;
  auto options = folder.options("a.log");
  options.max_bytes = 10;
  auto log = LogFile::open(options);
  REQUIRE(log.ok());
  for (const char* line : {"12345\n", "67890\n", "next\n"}) {
    folder.now += 1ns;
    log->write(line);
  }
  CHECK(folder.files() == std::vector<std::string>{"a-1700000000000000000.log", "a-1700000000000000003.log"});
  CHECK(folder.text("a-1700000000000000000.log") == "12345\n67890\n");
  CHECK(folder.text("a-1700000000000000003.log") == "next\n");
}

TEST_CASE("a log file that is old enough has a successor", "[log]") {
  Folder folder;
  auto options = folder.options("a.log");
  options.max_age = 1h;
  auto log = LogFile::open(options);
  REQUIRE(log.ok());
  folder.now += 59min;
  log->write("one\n");
  folder.now += 1min;
  log->write("two\n");
  CHECK(folder.text("a-1700000000000000000.log") == "one\n");
  CHECK(folder.text("a-1700003600000000000.log") == "two\n");
}

TEST_CASE("the oldest log files go", "[log]") {
  Folder folder;
  for (const char* other : {"a-x.log", "a-.log", "b-1.log", "a-1.txt", "a.log"}) {
    std::ofstream(folder.path / other) << "not one of them";
  }
  const std::size_t others = folder.files().size();
  auto options = folder.options("a.log");
  options.max_bytes = 1;
  SECTION("beyond a number") {
    options.max_files = 2;
    auto log = LogFile::open(options);
    REQUIRE(log.ok());
    for (int i = 0; i < 5; ++i) {
      folder.now += 1ns;
      log->write("line\n");
    }
    // Those that are there when a new one is begun count.
    CHECK(folder.files().size() == others + 3);
    CHECK(folder.text("a-1700000000000000005.log") == "line\n");
  }
  SECTION("all of them") {
    options.max_files = -1;
    auto log = LogFile::open(options);
    REQUIRE(log.ok());
    log->write("line\n");
    folder.now += 1ns;
    log->write("line\n");
    CHECK(folder.files().size() == others + 1);
  }
  SECTION("none") {
    auto log = LogFile::open(options);
    REQUIRE(log.ok());
    for (int i = 0; i < 5; ++i) {
      log->write("line\n");
      folder.now += 1ns;
    }
    CHECK(folder.files().size() == others + 5);
  }
  SECTION("when a program starts as well") {
    for (const char* name : {"a-1.log", "a-2.log", "a-3.log"}) std::ofstream(folder.path / name) << "old";
    options.max_files = 1;
    REQUIRE(LogFile::open(options).ok());
    CHECK(folder.files().size() == others + 2);
    CHECK(folder.text("a-3.log") == "old");
  }
}

TEST_CASE("a log file that cannot be opened is named", "[log]") {
  Folder folder;
  const auto log = LogFile::open(folder.options("none/a.log"));
  REQUIRE_FALSE(log.ok());
  CHECK(log.status().message().find("none/a-1700000000000000000.log: No such file") != std::string::npos);
}

}  // namespace
}  // namespace discovery
