// main() of every test program. Besides Catch2's own report it can leave a tally, one line for each test
// case, from which scripts/test counts; a line says when a case starts too, so that a crash can be put down
// to its test case.
#define CATCH_CONFIG_MAIN
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>

namespace {

// Writes to the folder named by DISCOVERY_TEST_TALLY, to a file named after the program; each line is flushed
// at once.
class Tally : public Catch::TestEventListenerBase {
 public:
  explicit Tally(const Catch::ReporterConfig& config) : Catch::TestEventListenerBase(config) {
    if (const char* folder = std::getenv("DISCOVERY_TEST_TALLY")) {
      out_.open(std::string(folder) + "/" + program_invocation_short_name + ".tally", std::ios::trunc);
    }
  }

  void testCaseStarting(const Catch::TestCaseInfo& info) override { line("start", info); }

  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    line(stats.totals.assertions.allOk() ? "pass" : "fail", stats.testInfo);
  }

 private:
  void line(const char* what, const Catch::TestCaseInfo& info) {
    if (out_.is_open()) out_ << what << '\t' << info.name << std::endl;
  }

  std::ofstream out_;
};

CATCH_REGISTER_LISTENER(Tally)

}  // namespace
