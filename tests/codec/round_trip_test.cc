// Any record is the same after it went through JSON or MessagePack.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/codec/json_reader.h"
#include "lib/codec/json_writer.h"
#include "lib/codec/msgpack.h"
#include "lib/model/describe_records.h"

namespace discovery::codec {
namespace {

/// The archive that fills a record with values drawn at random, empty ones often.
class Randomizer {
 public:
  explicit Randomizer(std::uint64_t seed) : random_(seed) {}

  template <class T>
  void field(std::string_view, T& out, const FieldOptions& = {}) {
    fill(out);
  }
  void bytes(std::string_view, std::string& out, const FieldOptions& = {}) {
    out.clear();
    for (std::size_t left = below(40); left > 0; --left) out += static_cast<char>(below(256));
  }
  void duration(std::string_view, Duration& out, const FieldOptions& = {}) { fill_duration(out); }

 private:
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }
  void fill_duration(Duration& out) { out = Duration(static_cast<std::int64_t>(random_() >> below(64))); }

  void fill(bool& out) { out = below(2) == 0; }
  void fill(std::int64_t& out) {
    out = static_cast<std::int64_t>(random_() >> below(64)) * (below(2) == 0 ? 1 : -1);
  }
  void fill(std::uint64_t& out) { out = random_() >> below(64); }
  void fill(double& out) {
    out = static_cast<double>(random_()) / static_cast<double>(1 + below(1000)) - 1e15;
  }
  void fill(std::string& out) {
    static constexpr std::string_view kPieces[] = {
        "a", "Z", "0", "\"", "\\", "<", "\n", "/", "\t", "\xC3\xA9", " ", "\xE2\x80\xA8", "\x7F", "\x01"};
    out.clear();
    for (std::size_t left = below(3) == 0 ? 0 : below(50); left > 0; --left)
      out += kPieces[below(std::size(kPieces))];
  }
  void fill(base::Text& out) {
    std::string text;
    fill(text);
    out = text;
  }
  void fill(Opaque& out) {
    static constexpr std::string_view kValues[] = {"", R"({"a":1,"b":[true,null,-2.5,"x\n"],"c":{}})",
                                                   R"([1e-9])"};
    out.json = kValues[below(std::size(kValues))];
  }
  template <class T>
  void fill(std::vector<T>& out) {
    out.resize(below(4));
    for (T& element : out) fill(element);
  }
  void fill(base::Labels& out) {
    out = {};
    for (std::size_t left = below(5); left > 0; --left) {
      std::string key;
      std::string value;
      fill(key);
      fill(value);
      out.set(key, value);
    }
  }
  template <class T>
  void fill(std::map<std::string, T>& out) {
    out.clear();
    for (std::size_t left = below(4); left > 0; --left) {
      std::string key;
      fill(key);
      fill(out[key]);
    }
  }
  template <class T>
  void fill(std::shared_ptr<const T>& out) {
    T value{};
    if (below(2) == 0) fill(value);
    out = value == T{} ? nullptr : std::make_shared<const T>(std::move(value));
  }
  template <class T>
  void fill(T& record) {
    describe(*this, record);
  }

  std::mt19937_64 random_;
};

template <class T>
T random_record(std::uint64_t seed) {
  T record{};
  Randomizer randomizer(seed);
  describe(randomizer, record);
  return record;
}

bool same(const model::Node& a, const model::Node& b) { return a.same_content(b) && a.index == b.index; }
bool same(const model::ServiceInstance& a, const model::ServiceInstance& b) {
  return a.same_content(b) && a.index == b.index;
}
bool same(const model::HealthCheck& a, const model::HealthCheck& b) {
  return a.same_content(b) && a.index == b.index;
}
bool same(const model::NodeCoordinate& a, const model::NodeCoordinate& b) {
  return a.node == b.node && a.segment == b.segment && a.coordinate == b.coordinate;
}

template <class T>
void check_round_trips() {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const T record = random_record<T>(seed);
    INFO("seed " << seed << ": " << to_json(record));

    for (const JsonStyle style : {JsonStyle::kCompact, JsonStyle::kPretty}) {
      T from_text{};
      const Status status = from_json(to_json(record, style), from_text, {.allow_trailing_data = false});
      CHECK(status.message() == "");
      if (!same(record, from_text)) FAIL("JSON: " << to_json(from_text));
    }

    T from_message{};
    const Status status = from_msgpack(to_msgpack(record), from_message);
    CHECK(status.message() == "");
    if (!same(record, from_message)) FAIL("MessagePack: " << to_json(from_message));
  }
}

TEST_CASE("nodes survive JSON and MessagePack") { check_round_trips<model::Node>(); }
TEST_CASE("service instances survive JSON and MessagePack") { check_round_trips<model::ServiceInstance>(); }
TEST_CASE("checks survive JSON and MessagePack") { check_round_trips<model::HealthCheck>(); }
TEST_CASE("coordinates survive JSON and MessagePack") { check_round_trips<model::NodeCoordinate>(); }

TEST_CASE("the records drawn at random are not all empty") {
  std::size_t proxies = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto record = random_record<model::ServiceInstance>(seed);
    if (record.proxy && !record.proxy->upstreams.empty()) ++proxies;
  }
  CHECK(proxies > 10);
}

}  // namespace
}  // namespace discovery::codec
