// Whether the files of a configuration have changed.

#include "daemon/agent/config_watch.h"

#include <filesystem>
#include <string>

#include "daemon/config/files.h"
#include "tests/daemon/config_fixture.h"

namespace discovery {
namespace {

namespace fs = std::filesystem;
using config::state_of_config_files;
using config::testing::TemporaryDirectory;

TEST_CASE("a change is noticed once, when it has settled") {
  std::string state = "a";
  ConfigWatch watch([&] { return state; });
  CHECK_FALSE(watch.look());
  state = "b";
  CHECK_FALSE(watch.look());  // it may go on changing
  state = "c";
  CHECK_FALSE(watch.look());
  CHECK(watch.look());
  CHECK_FALSE(watch.look());
  state = "d";
  CHECK_FALSE(watch.look());
  state = "c";  // back again
  CHECK_FALSE(watch.look());
  CHECK_FALSE(watch.look());
  watch.forget();
  CHECK(watch.look());
  CHECK_FALSE(watch.look());
}

TEST_CASE("the state of files tells of what is written, replaced, added and removed") {
  const TemporaryDirectory directory;
  const std::string single = directory.write("single.hcl", "x");
  fs::create_directory(directory.path() + "/conf.d");
  const auto write = [&](const std::string& name, const std::string& text) {
    directory.write("conf.d/" + name, text);
  };
  const auto state = [&](const std::string& format = "") {
    return state_of_config_files({single, directory.path() + "/conf.d"}, format);
  };
  std::string before = state();
  const auto changes = [&] { return std::exchange(before, state()) != before; };
  CHECK_FALSE(changes());
  write("a.hcl", "1");
  CHECK(changes());
  CHECK_FALSE(changes());
  write(".a.hcl.swp", "editors write such things");
  write("README", "and people such");
  fs::create_directory(directory.path() + "/conf.d/below.hcl");
  CHECK_FALSE(changes());
  CHECK(state("hcl") != state());  // unless all files are to be read
  write("a.hcl", "22");
  CHECK(changes());
  write("new", "33");  // of the same length, and moved over it
  fs::rename(directory.path() + "/conf.d/new", directory.path() + "/conf.d/a.hcl");
  CHECK(changes());
  fs::remove(single);
  CHECK(changes());
  CHECK_FALSE(changes());
  directory.write("single.hcl", "x");
  CHECK(changes());
  fs::remove(directory.path() + "/conf.d/a.hcl");
  CHECK(changes());
  fs::remove_all(directory.path() + "/conf.d");
  CHECK(state_of_config_files({directory.path() + "/conf.d"}, "").find("is not there") != std::string::npos);
}

TEST_CASE("a link to a directory that is exchanged, as container platforms do, is a change") {
  const TemporaryDirectory directory;
  for (const char* name : {"v1", "v2", "conf.d"}) fs::create_directory(directory.path() + "/" + name);
  directory.write("v1/a.hcl", "1");
  directory.write("v2/a.hcl", "1");
  fs::create_directory_symlink("../v1", directory.path() + "/conf.d/..data");
  fs::create_symlink("..data/a.hcl", directory.path() + "/conf.d/a.hcl");
  const auto state = [&] { return state_of_config_files({directory.path() + "/conf.d"}, ""); };
  const std::string before = state();
  CHECK(before.find("a.hcl") != std::string::npos);
  fs::create_directory_symlink("../v2", directory.path() + "/conf.d/..new");
  fs::rename(directory.path() + "/conf.d/..new", directory.path() + "/conf.d/..data");
  CHECK(state() != before);
}

}  // namespace
}  // namespace discovery
