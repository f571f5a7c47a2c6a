#include "lib/dns/message.h"

#include <random>

#include <catch2/catch.hpp>

#include "tests/dns/dns_test.h"

namespace discovery::dns {
namespace {

using Random = std::mt19937;

std::size_t below(Random& random, std::size_t bound) { return random() % bound; }

DomainName random_name(Random& random) {
  static const char* const kLabels[] = {"consul", "service", "node", "dc1", "web",
                                        "WEB",    "x",       "_tcp", "a-b", "consul2"};
  std::string text;
  for (std::size_t i = 0, count = below(random, 6); i < count; ++i)
    text += std::string(kLabels[below(random, 10)]) + ".";
  return name(text.empty() ? "." : text);
}

RecordData random_data(Random& random, Type& type) {
  const auto number = [&random] { return static_cast<std::uint16_t>(random()); };
  switch (below(random, 7)) {
    case 0:
      type = Type::kA;
      return *IpAddress::parse("192.0.2." + std::to_string(below(random, 256)));
    case 1:
      type = Type::kAaaa;
      return *IpAddress::parse("2001:db8::" + std::to_string(below(random, 9999)));
    case 2:
      type = Type::kCname;
      return random_name(random);
    case 3:
      type = Type::kSrv;
      return Srv{number(), number(), number(), random_name(random)};
    case 4:
      type = Type::kSoa;
      return Soa{random_name(random), random_name(random), number(), number(), number(), number(), number()};
    case 5:
      type = Type::kTxt;
      return Txt{{std::string(below(random, 256), 't'), "", "x=y"}};
    default:
      type = static_cast<Type>(65280);
      return RawData{std::string(below(random, 20), '\xC0')};
  }
}

std::vector<Record> random_section(Random& random) {
  std::vector<Record> section;
  for (std::size_t i = 0, count = below(random, 30); i < count; ++i) {
    Record record;
    record.owner = random_name(random);
    record.ttl = static_cast<std::uint32_t>(random());
    record.data = random_data(random, record.type);
    section.push_back(std::move(record));
  }
  return section;
}

Message random_message(Random& random) {
  Message message;
  message.id = static_cast<std::uint16_t>(random());
  message.flags = static_cast<std::uint16_t>(random());
  message.questions.push_back({random_name(random), Type::kAny, 3});
  message.answers = random_section(random);
  message.authority = random_section(random);
  message.additional = random_section(random);
  return message;
}

bool equal(const Message& a, const Message& b) {
  return a.id == b.id && a.flags == b.flags && a.questions == b.questions && a.answers == b.answers &&
         a.authority == b.authority && a.additional == b.additional;
}

std::string wire(std::initializer_list<int> bytes) { return {bytes.begin(), bytes.end()}; }

/// A header with one question and one answer, and what follows.
std::string with_answer(const std::string& rest) {
  return wire({0, 1, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0}) + rest;
}

}  // namespace

TEST_CASE("messages come back as they were written, compressed or not", "[dns][message]") {
  Random random(1);
  for (int round = 0; round < 300; ++round) {
    const Message message = random_message(random);
    const std::string plain = encode(message, false);
    const std::string packed = encode(message, true);
    REQUIRE(packed.size() <= plain.size());
    for (const std::string& bytes : {plain, packed}) {
      const auto decoded = decode(bytes_of(bytes));
      REQUIRE(decoded.ok());
      REQUIRE(equal(*decoded, message));
    }
  }
}

TEST_CASE("no part of a message is a message", "[dns][message]") {
  Random random(2);
  for (int round = 0; round < 20; ++round) {
    const std::string bytes = encode(random_message(random), true);
    for (std::size_t size = 0; size < bytes.size(); size += 1 + below(random, 7)) {
      CHECK_FALSE(decode(bytes_of(bytes.substr(0, size))).ok());
    }
    CHECK_FALSE(decode(bytes_of(bytes + '\0')).ok());
  }
}

TEST_CASE("damaged messages are refused or read, within bounds", "[dns][message]") {
  Random random(3);
  for (int round = 0; round < 1000; ++round) {
    std::string bytes = encode(random_message(random), true);
    for (int i = 0; i < 8; ++i) bytes[below(random, bytes.size())] = static_cast<char>(random());
    (void)decode(bytes_of(bytes));
    Query query;
    (void)parse_query(bytes_of(bytes), query);
  }
}

TEST_CASE("pointers of names lead backwards only", "[dns][message]") {
  const std::string a_record = wire({0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1});
  const std::string question = wire({1, 'x', 0, 0, 1, 0, 1});
  CHECK(decode(bytes_of(with_answer(question + wire({0xC0, 12}) + a_record))).ok());
  // To itself, forwards, to one another, and out of the message.
  CHECK_FALSE(decode(bytes_of(with_answer(question + wire({0xC0, 19}) + a_record))).ok());
  CHECK_FALSE(decode(bytes_of(with_answer(question + wire({0xC0, 21}) + a_record))).ok());
  CHECK_FALSE(decode(bytes_of(with_answer(question + wire({1, 'y', 0xC0, 19}) + a_record))).ok());
  CHECK_FALSE(decode(bytes_of(with_answer(wire({0xC0, 12, 0, 1, 0, 1, 0xC0, 12}) + a_record))).ok());
  CHECK_FALSE(decode(bytes_of(with_answer(question + wire({0xFF, 0xFF}) + a_record))).ok());
}

TEST_CASE("names that grow over 255 bytes by pointers are refused", "[dns][message]") {
  const std::string label = wire({50}) + std::string(50, 'l');
  // Three names of five labels each that end in the one before.
  std::string bytes = wire({0, 1, 0x80, 0, 0, 0, 0, 2, 0, 0, 0, 0});
  const std::string a_record = wire({0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1});
  std::string first = label + label + label + label + '\0';
  const std::string fits = label + wire({0xC0, 12});
  REQUIRE_FALSE(decode(bytes_of(bytes + first + a_record + fits + a_record)).ok());
  first = label + label + label + '\0';
  REQUIRE(decode(bytes_of(bytes + first + a_record + fits + a_record)).ok());
}

TEST_CASE("text and wire forms of names", "[dns][message]") {
  CHECK(name("web.service.consul").wire() == std::string("\3web\7service\6consul\0", 20));
  CHECK(name("web.service.consul.") == name("web.service.consul"));
  CHECK(name(".").is_root());
  CHECK(name(".").to_text() == ".");
  CHECK_FALSE(DomainName::parse("a..b"));
  CHECK_FALSE(DomainName::parse(".a"));
  CHECK_FALSE(DomainName::parse(".."));
  CHECK(DomainName::parse(std::string(63, 'a')));
  CHECK_FALSE(DomainName::parse(std::string(64, 'a')));
  const std::string label(49, 'a');
  const std::string five = label + "." + label + "." + label + "." + label + "." + label;
  CHECK(DomainName::parse(five + ".abc"));         // 5 * 50 + 4 + 1
  CHECK_FALSE(DomainName::parse(five + ".abcd"));  // 256
  CHECK(DomainName::from_wire(std::string("\3a.\\\1\xff\0", 7)).to_text() == "a\\.\\\\.\\255.");

  CHECK(name("a.CONSUL").is_below(name("consul")));
  CHECK(name("consul").is_below(name("consul")));
  CHECK(name("x").is_below(name(".")));
  CHECK_FALSE(name("aconsul").is_below(name("consul")));
  CHECK_FALSE(name("consul").is_below(name("a.consul")));
}

TEST_CASE("queries are read as far as they matter", "[dns][message]") {
  Query query;
  const std::string bytes = make_query("Web.Service.consul", Type::kSrv, {.edns = 1232, .question_class = 3});
  REQUIRE(parse_query(bytes_of(bytes), query) == Verdict::kAnswer);
  CHECK(query.id == 0x1234);
  CHECK(query.type == Type::kSrv);
  CHECK(query.edns);
  CHECK(query.udp_size == 1232);
  CHECK(query.subnet_size == 0);
  CHECK(std::string(query.name().begin(), query.name().end()) == name("Web.Service.consul").wire());
  CHECK(query.question.size() == name("web.service.consul").wire().size() + 4);
  CHECK(parse_query(bytes_of(bytes + "garbage"), query) == Verdict::kAnswer);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Verdict expected = size < kHeaderBytes ? Verdict::kDrop : Verdict::kFormatError;
    CHECK(parse_query(bytes_of(bytes.substr(0, size)), query) == expected);
  }
}

TEST_CASE("what is no query is dropped or refused", "[dns][message]") {
  Query query;
  const auto verdict = [&query](std::string bytes, std::size_t at, int value) {
    bytes[at] = static_cast<char>(value);
    return parse_query(bytes_of(bytes), query);
  };
  const std::string good = make_query("web.service.consul", Type::kA);
  CHECK(verdict(good, 2, 0x81) == Verdict::kDrop);      // an answer
  CHECK(verdict(good, 2, 4 << 3) == Verdict::kAnswer);  // NOTIFY is read as a query
  CHECK(verdict(good, 2, 2 << 3) == Verdict::kNotImplemented);
  CHECK(verdict(good, 2, 5 << 3) == Verdict::kNotImplemented);
  CHECK(verdict(good, 5, 0) == Verdict::kFormatError);  // no question
  CHECK(verdict(good, 5, 2) == Verdict::kFormatError);  // two
  CHECK(verdict(good, 4, 1) == Verdict::kFormatError);  // 257
  CHECK(verdict(good, 7, 2) == Verdict::kFormatError);  // two answers
  CHECK(verdict(good, 9, 2) == Verdict::kFormatError);
  CHECK(verdict(good, 11, 3) == Verdict::kFormatError);
  CHECK(verdict(good, 11, 1) == Verdict::kFormatError);     // a record that is not there
  CHECK(verdict(good, 12, 0xC0) == Verdict::kFormatError);  // a pointer
  CHECK(verdict(good, 12, 64) == Verdict::kFormatError);    // too long a label
}

TEST_CASE("client subnets are masked and malformed ones refused", "[dns][message]") {
  Query query;
  const auto verdict = [&query](const std::string& subnet) {
    return parse_query(bytes_of(make_query("x.consul", Type::kA, {.edns = 512, .subnet = subnet})), query);
  };
  const auto echoed = [&query] {
    return std::vector<int>(query.subnet.begin(), query.subnet.begin() + query.subnet_size);
  };
  REQUIRE(verdict(wire({0, 1, 20, 7, 10, 1, 0xFF})) == Verdict::kAnswer);
  CHECK(echoed() == std::vector<int>{0, 1, 20, 0, 10, 1, 0xF0});
  REQUIRE(verdict(wire({0, 1, 24, 0, 10, 1})) == Verdict::kAnswer);  // too short: zeros are meant
  CHECK(echoed() == std::vector<int>{0, 1, 24, 0, 10, 1, 0});
  REQUIRE(verdict(wire({0, 2, 128, 0}) + std::string(16, 'x')) == Verdict::kAnswer);
  CHECK(query.subnet_size == 20);
  REQUIRE(verdict(wire({0, 0, 0, 0})) == Verdict::kAnswer);
  CHECK(verdict(wire({0, 1, 33, 0, 1, 2, 3, 4, 5})) == Verdict::kFormatError);
  CHECK(verdict(wire({0, 2, 129, 0})) == Verdict::kFormatError);
  CHECK(verdict(wire({0, 3, 0, 0})) == Verdict::kFormatError);
  CHECK(verdict(wire({0, 1, 8})) == Verdict::kFormatError);
}

TEST_CASE("addresses in their spellings", "[dns][message]") {
  CHECK(IpAddress::parse("192.0.2.1")->to_hex() == "c0000201");
  CHECK(IpAddress::parse("::ffff:192.0.2.1")->is_v4());
  CHECK(IpAddress::parse("2001:DB8::1")->to_text() == "2001:db8::1");
  CHECK(IpAddress::parse("2001:db8::1")->to_hex() == "20010db8000000000000000000000001");
  for (const char* text : {"", "web", "192.0.2", "192.0.2.256", "192.0.2.1 ", "1.2.3.4:80", "fe80::1%eth0"}) {
    CHECK_FALSE(IpAddress::parse(text));
  }
  CHECK_FALSE(IpAddress::parse(std::string_view("192.0.2.1\0", 10)));
  CHECK(IpAddress::from_hex("C0000201")->to_text() == "192.0.2.1");
  CHECK_FALSE(IpAddress::from_hex("c000020"));
  CHECK_FALSE(IpAddress::from_hex("g0000201"));
}

}  // namespace discovery::dns
