// What is shown of an agent that cannot be asked: from memory, and from files after a restart.

#include <catch2/catch.hpp>

#include "lib/remote/answer_files.h"
#include "tests/remote/world.h"

namespace discovery::remote {
namespace {

using testing::an_instance;
using testing::connect;
using testing::health_of;
using testing::RemoteWorld;
using testing::Seen;
using namespace std::chrono_literals;

struct KeptWorld : RemoteWorld {
  KeptWorld() { restart_client(); }

  /// Another process takes over the directory.
  void restart_client() {
    backend.reset();
    Options made = options();
    made.cache_dir = "/cache";
    made.token = token;
    backend = connect(client, made);
  }
  std::vector<std::string> files() {
    auto names = client.files().list("/cache");
    REQUIRE(names.ok());
    return *names;
  }
  std::string text_of(const std::string& name) { return *client.files().read("/cache/" + name, 1U << 20); }

  std::string token;
};

TEST_CASE("a process that is started in an outage shows the kept answer") {
  KeptWorld it;
  it.token = "secret-token";
  it.restart_client();
  REQUIRE(it.apply(an_instance("n1", "web")).ok());
  Index index = 0;
  {
    Seen seen;
    const auto watch = it.backend->watch(health_of("web"), {}, seen);
    REQUIRE(it.run_until([&] { return seen.answers.size() == 1; }, 1s));
    index = seen.meta().index;
    it.simulation.run_for(3s);
    REQUIRE(it.files().size() == 1);
    CHECK(it.text_of(it.files()[0]).find("secret-token") == std::string::npos);
  }
  const auto kept_at = it.client.clock().wall();
  const bool silent = GENERATE(false, true);
  if (silent) {
    it.simulation.block(it.machine, it.client);
  } else {
    it.stop_agent();
  }
  it.simulation.run_for(1h);
  it.restart_client();
  Seen seen;
  const auto watch = it.backend->watch(health_of("web"), {}, seen);
  REQUIRE(it.run_until([&] { return seen.answers.size() == 1; }, silent ? 1500ms : 100ms));
  CHECK_FALSE(seen.meta().live);
  CHECK(seen.meta().index == index);
  CHECK(seen.meta().as_of <= kept_at);
  CHECK(seen.meta().as_of >= kept_at - 5s);
  CHECK(seen.rows() == 1);
  REQUIRE(it.run_until([&] { return seen.errors.size() == 1; }, 10s));

  model::Read read;
  CHECK(it.query(health_of("web"), read).status().code() == Code::kUnavailable);
  read.accept_last_known = true;
  const auto answer = it.query(health_of("web"), read);
  REQUIRE(answer.ok());
  CHECK_FALSE(answer->meta.live);
  CHECK(answer->meta.as_of == seen.meta().as_of);
  CHECK(it.query(health_of("other"), read).status().code() == Code::kUnavailable);

  if (silent) {
    it.simulation.unblock(it.machine, it.client);
    REQUIRE(it.run_until([&] { return seen.meta().live; }, 16s));
    CHECK(seen.meta().index == index);
    CHECK(seen.meta().epoch == 1);
    CHECK(seen.rows() == 1);
  } else {
    it.start_agent();
    REQUIRE(it.run_until([&] { return seen.meta().live; }, 16s));
    CHECK(seen.rows() == 0);
    CHECK(seen.is_ordered());
  }
}

TEST_CASE("a query is answered from what was kept, in time") {
  KeptWorld it;
  it.put("k", "v");
  model::Read read;
  read.accept_last_known = true;
  CHECK(it.query(model::GetKey{"k"}, read)->meta.live);
  it.put("other", "v");
  CHECK(it.query(model::GetKey{"other"}).ok());  // this one does not ask for it
  it.simulation.run_for(3s);
  CHECK(it.files().size() == 1);
  it.restart_client();
  const bool silent = GENERATE(false, true);
  if (silent) {
    it.simulation.block(it.machine, it.client);
  } else {
    it.stop_agent();
  }
  const Duration began = it.simulation.now();
  const auto answer = it.query(model::GetKey{"k"}, read);
  REQUIRE(answer.ok());
  CHECK_FALSE(answer->meta.live);
  CHECK(std::get<model::KvEntries>(answer->value())[0]->value() == "v");
  CHECK(it.simulation.now() - began < (silent ? 1500ms : 100ms));
  CHECK(it.query(model::GetKey{"other"}, read).status().code() == Code::kUnavailable);
}

TEST_CASE("another token, agent or question gets nothing of it") {
  KeptWorld it;
  it.put("k", "v");
  model::Read read;
  read.accept_last_known = true;
  CHECK(it.query(model::GetKey{"k"}, read).ok());
  it.simulation.run_for(3s);
  it.stop_agent();
  read.call.token = "other";
  CHECK_FALSE(it.query(model::GetKey{"k"}, read).ok());
  read.call = {};
  read.call.datacenter = "dc2";
  CHECK_FALSE(it.query(model::GetKey{"k"}, read).ok());
  read.call = {};
  CHECK(it.query(model::GetKey{"k"}, read).ok());
}

TEST_CASE("a damaged file is not trusted") {
  KeptWorld it;
  it.put("k", "v");
  model::Read read;
  read.accept_last_known = true;
  CHECK(it.query(model::GetKey{"k"}, read).ok());
  it.simulation.run_for(3s);
  const std::string name = it.files().at(0);
  std::string text = it.text_of(name);
  SECTION("a bit is another") { text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 1); }
  SECTION("its end is missing") { text.resize(text.size() - 5); }
  SECTION("it is empty") { text.clear(); }
  SECTION("it is of another version") { text.replace(0, 19, "discovery-answer 2 "); }
  REQUIRE(it.client.files().replace("/cache/" + name, text).ok());
  it.restart_client();
  it.stop_agent();
  CHECK(it.query(model::GetKey{"k"}, read).status().code() == Code::kUnavailable);
  bool logged = false;
  for (const auto& line : it.client.log_lines())
    logged = logged || line.message.find("damaged") != std::string::npos;
  CHECK(logged);
}

TEST_CASE("the text of a kept answer, there and back, and no other question's") {
  const KeptAnswer answer{std::chrono::system_clock::time_point(12345ms), 77, 404,
                          std::make_shared<const std::string>("[1]\n\xFF")};
  const std::string text = encode_kept("question\0\xFF", answer);
  const auto back = decode_kept("question\0\xFF", text);
  REQUIRE(back.ok());
  CHECK(back->at == answer.at);
  CHECK(back->index == 77);
  CHECK(back->status == 404);
  CHECK(*back->body == *answer.body);
  CHECK(decode_kept("another", text).status().code() == Code::kDataLoss);
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    CHECK_FALSE(decode_kept("question\0\xFF", std::string_view(text).substr(0, cut)).ok());
  }
}

TEST_CASE("the number and the size of files are bounded") {
  RemoteWorld it;
  Limits limits;
  limits.max_cached_answers = 3;
  limits.max_cached_bytes = 100;
  const auto answer = [](std::size_t size) {
    return KeptAnswer{{}, 1, 200, std::make_shared<const std::string>(size, 'x')};
  };
  const auto list = [&] { return it.client.files().list("/cache")->size(); };
  const auto load = [&](AnswerFiles& files, const std::string& question) {
    std::optional<Result<KeptAnswer>> got;
    files.load(question, [&](Result<KeptAnswer> kept) { got.emplace(std::move(kept)); });
    CHECK_FALSE(got);
    REQUIRE(it.run_until([&] { return got.has_value(); }, 1s));
    return *std::move(got);
  };
  {
    AnswerFiles files(it.client, "/cache", limits);
    for (const char* question : {"a", "b", "c", "d", "e"}) {
      files.keep(question, answer(50));
      it.simulation.run_for(2s);
    }
    CHECK(list() == 3);
    CHECK_FALSE(load(files, "a").ok());
    CHECK(load(files, "e").ok());
    files.keep("e", answer(101));  // then the old one is true no more
    CHECK_FALSE(load(files, "e").ok());
    it.simulation.run_for(2s);
    CHECK(list() == 2);
    files.keep("f", answer(5));
    CHECK(load(files, "f").ok());  // not written yet
  }
  CHECK(list() == 3);  // but now
  AnswerFiles files(it.client, "/cache", limits);
  CHECK(load(files, "f").ok());
  files.keep("g", answer(5));
  files.keep("h", answer(5));
  it.simulation.run_for(2s);
  CHECK(list() == 3);
  CHECK(load(files, "f").ok());  // the one that was used
}

}  // namespace
}  // namespace discovery::remote
