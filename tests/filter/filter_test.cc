#include "lib/filter/filter.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "lib/model/describe_records.h"

namespace discovery::filter {
namespace {

struct Leaf {
  std::string name;
  std::int64_t port = 0;
};

template <class Archive, codec::Described<Leaf> R>
void describe(Archive& archive, R& leaf) {
  archive.field("Name", leaf.name);
  archive.field("Port", leaf.port);
}

/// One field for each kind of value.
struct Sample {
  std::string hidden;
  std::string data;
  bool flag = false;
  std::int64_t number = 0;
  std::uint64_t natural = 0;
  double real = 0;
  std::string text;
  Duration wait{};
  std::vector<std::string> words;
  std::vector<std::int64_t> numbers;
  base::Labels labels;
  std::map<std::string, std::vector<std::string>> lists;
  std::map<std::string, Leaf> leaves_by_name;
  std::vector<Leaf> leaves;
  std::vector<std::shared_ptr<const Leaf>> shared_leaves;
  Leaf leaf;
  std::optional<Leaf> maybe;
  std::shared_ptr<const Leaf> shared;
  codec::Opaque opaque;
};

template <class Archive, codec::Described<Sample> R>
void describe(Archive& archive, R& sample) {
  archive.field("Hidden", sample.hidden, {.hidden_from_filter = true});
  archive.bytes("Data", sample.data);
  archive.field("Flag", sample.flag);
  archive.field("Number", sample.number);
  archive.field("Natural", sample.natural);
  archive.field("Real", sample.real);
  archive.field("Text", sample.text);
  archive.duration("Wait", sample.wait);
  archive.field("Words", sample.words);
  archive.field("Numbers", sample.numbers);
  archive.field("Labels", sample.labels);
  archive.field("Lists", sample.lists);
  archive.field("ByName", sample.leaves_by_name);
  archive.field("Leaves", sample.leaves);
  archive.field("Shared", sample.shared_leaves);
  archive.field("Leaf", sample.leaf);
  archive.field("Maybe", sample.maybe);
  archive.field("Pointer", sample.shared);
  archive.field("Opaque", sample.opaque);
}

Sample full_sample() {
  Sample sample;
  sample.hidden = "h";
  sample.data = "d";
  sample.flag = true;
  sample.number = -31;
  sample.natural = 18446744073709551615u;
  sample.real = 2.5;
  sample.text = "hello world";
  sample.wait = Duration(1500);
  sample.words = {"a", "b", ""};
  sample.numbers = {1, 255};
  sample.labels = {{"rack", "r1"}, {"x-y", "z"}, {"", "empty"}};
  sample.lists = {{"k", {"v", "w"}}, {"none", {}}};
  sample.leaves_by_name = {{"lan", {"l", 1}}, {"wan", {"w", 2}}};
  sample.leaves = {{"one", 1}, {"two", 2}};
  sample.shared_leaves = {std::make_shared<const Leaf>(Leaf{"three", 3}), nullptr};
  sample.leaf = {"leaf", 9};
  return sample;
}

template <class Record>
bool fits(const std::string& expression, const Record& record) {
  INFO(expression);
  const Result<Filter> filter = Filter::compile(expression, schema_of<Record>());
  CHECK(filter.status().message() == "");
  if (!filter.ok()) return false;
  const Result<bool> result = filter->matches(record);
  REQUIRE(result.ok());
  return *result;
}

template <class Record>
std::string compile_error(const std::string& expression) {
  const Result<Filter> filter = Filter::compile(expression, schema_of<Record>());
  if (filter.ok()) return "";
  std::string message(filter.status().message());
  REQUIRE(message.substr(0, kCompileError.size()) == kCompileError);
  return message.substr(kCompileError.size());
}

TEST_CASE("each kind of value is compared") {
  const Sample sample = full_sample();
  for (const char* expression : {
           "Flag == true",
           "Flag == 1",
           "Flag != false",
           "Number == -31",
           "Number == `-0x1F`",
           "Number != 31",
           "Natural == 18446744073709551615",
           "Real == 2.5",
           "Real == `25e-1`",
           "Wait == 1500",
           "Text == \"hello world\"",
           "Text != hello",
           "Text contains \"lo w\"",
           "\"lo w\" in Text",
           "Text contains \"\"",
           "xyz not in Text",
           "Text matches \"^hel+o\"",
           "Text matches \"o w\"",
           "Text not matches \"^world\"",
           "a in Words",
           "Words contains \"\"",
           "c not in Words",
           "Words is not empty",
           "255 in Numbers",
           "`0xff` in Numbers",
           "2 not in Numbers",
           "Labels.rack == r1",
           "Labels[\"x-y\"] == z",
           "Labels[\"\"] == empty",
           "Labels contains rack",
           "row not in Labels",
           "Labels is not empty",
           "Lists.k contains v",
           "x not in Lists.k",
           "Lists.k is not empty",
           "Lists.none is empty",
           "k in Lists",
           "ByName.lan.Port == 1",
           "ByName[\"wan\"].Name matches w",
           "wan in ByName",
           "Leaves.Port == 2",
           "Leaves.Name == one",
           "Leaves.Port != 2",
           "o in Leaves.Name",
           "Leaves is not empty",
           "Shared.Name == three",
           "Shared.Name == \"\"",
           "Leaf.Port == 9",
           "Maybe.Port == 0",
           "Pointer.Name == \"\"",
       }) {
    CHECK(fits(expression, sample));
  }
  for (const char* expression : {
           "Flag == false",
           "Flag != true",
           "Number == 31",
           "Real != 2.5",
           "Text == hello",
           "Text contains Hello",
           "Text not contains hello",
           "Text matches \"^world\"",
           "Text not matches world",
           "c in Words",
           "a not in Words",
           "Words is empty",
           "2 in Numbers",
           "Labels.rack != r1",
           "row in Labels",
           "Labels is empty",
           "x in Lists.k",
           "v not in Lists.k",
           "Lists.none is not empty",
           "ByName.lan.Port == 2",
           "Leaves.Port == 3",
           "Leaves.Name not contains o",
           "Leaves is empty",
           "Leaf.Name != leaf",
           "Pointer.Port == 1",
       }) {
    CHECK_FALSE(fits(expression, sample));
  }
}

TEST_CASE("a missing name in a map fits all but what asks for a value") {
  const Sample sample;
  for (const char* expression :
       {"Labels.a != x", "Labels.a not contains x", "Labels.a matches x", "Labels.a not matches x",
        "Lists.a is empty", "x not in Lists.a", "ByName.a.Port != 1", "ByName.a.Name matches x"}) {
    CHECK(fits(expression, sample));
  }
  for (const char* expression : {"Labels.a == x", "Labels.a == \"\"", "Labels.a contains x",
                                 "Lists.a is not empty", "x in Lists.a", "ByName.a.Port == 0"}) {
    CHECK_FALSE(fits(expression, sample));
  }
}

TEST_CASE("nothing in an empty list fits") {
  const Sample sample;
  for (const char* expression : {"Leaves.Port == 0", "Leaves.Port != 0", "Leaves.Name matches x",
                                 "Leaves.Name not matches x", "x not in Leaves.Name"}) {
    CHECK_FALSE(fits(expression, sample));
  }
  CHECK(fits("Words is empty", sample));
  CHECK(fits("a not in Words", sample));
}

TEST_CASE("and, or and not combine") {
  const Sample sample = full_sample();
  struct Case {
    std::string expression;
    bool fits;
  };
  const Case cases[] = {
      {"Flag==true and Number==-31", true},
      {"Flag==true and Number==1", false},
      {"Flag==false or Number==-31", true},
      {"Flag==false or Number==1", false},
      {"not Flag==false", true},
      {"not not Flag==true", true},
      {"Flag==true or Flag==true and Flag==false", true},
      {"(Flag==true or Flag==true) and Flag==false", false},
      {"not (Flag==true and Number==1)", true},
      {"not Flag==true or Number==-31", true},
      {"a in Words and b in Words and not c in Words", true},
  };
  for (const Case& c : cases) CHECK(fits(c.expression, sample) == c.fits);
}

TEST_CASE("the empty expression fits everything") {
  CHECK(fits("", Sample()));
  CHECK_FALSE(compile_error<Sample>(" ").empty());
}

TEST_CASE("selectors are checked") {
  struct Case {
    std::string expression;
    std::string selector;
  };
  const Case cases[] = {
      {"Nope == 1", "Nope"},
      {"flag == true", "flag"},
      {"Hidden == h", "Hidden"},
      {"Data == d", "Data"},
      {"Opaque == d", "Opaque"},
      {"Text.x == 1", "Text.x"},
      {"Words.foo == 1", "Words.foo"},
      {"Labels.a.b == 1", "Labels.a.b"},
      {"Leaf.Nope.More == 1", "Leaf.Nope"},
      {"Leaves.Nope == 1", "Leaves.Nope"},
      {"ByName.a.Nope == 1", "ByName.a.Nope"},
      {"Flag == true and Nope == 1 and Other == 2", "Nope"},
      {"Leaf[\"a b\"] == 1", "Leaf.a b"},
  };
  for (const Case& c : cases)
    CHECK(compile_error<Sample>(c.expression) == "Selector \"" + c.selector + "\" is not valid");
}

TEST_CASE("operators are checked") {
  struct Case {
    std::string expression;
    std::string error;
  };
  const Case cases[] = {
      {"Text is empty", R"("Is Empty" for selector "Text")"},
      {"Text is not empty", R"("Is Not Empty" for selector "Text")"},
      {"Flag contains t", R"("In" for selector "Flag")"},
      {"3 not in Number", R"("Not In" for selector "Number")"},
      {"Number matches 3", R"("Matches" for selector "Number")"},
      {"Words == a", R"("Equal" for selector "Words")"},
      {"Words not matches a", R"("Not Matches" for selector "Words")"},
      {"Labels != a", R"("Not Equal" for selector "Labels")"},
      {"Leaves contains a", R"("In" for selector "Leaves")"},
      {"Leaf == a", R"("Equal" for selector "Leaf")"},
      {"Leaf is empty", R"("Is Empty" for selector "Leaf")"},
      {"Labels.a is empty", R"("Is Empty" for selector "Labels.a")"},
  };
  for (const Case& c : cases)
    CHECK(compile_error<Sample>(c.expression) == "Invalid match operator " + c.error);
}

TEST_CASE("values are checked") {
  struct Case {
    std::string expression;
    std::string error;
  };
  const Case cases[] = {
      {"Number == abc", R"("abc" for selector "Number": strconv.ParseInt: parsing "abc": invalid syntax)"},
      {"Number == 1.5", R"("1.5" for selector "Number": strconv.ParseInt: parsing "1.5": invalid syntax)"},
      {"Number == 9223372036854775808",
       R"("9223372036854775808" for selector "Number": strconv.ParseInt: parsing "9223372036854775808": value out of range)"},
      {"Natural == -1", R"("-1" for selector "Natural": strconv.ParseUint: parsing "-1": invalid syntax)"},
      {"Real == x", R"("x" for selector "Real": strconv.ParseFloat: parsing "x": invalid syntax)"},
      {"Flag == yes", R"("yes" for selector "Flag": strconv.ParseBool: parsing "yes": invalid syntax)"},
      {"x in Numbers", R"("x" for selector "Numbers": strconv.ParseInt: parsing "x": invalid syntax)"},
      {"ByName.a.Port == x",
       R"("x" for selector "ByName.a.Port": strconv.ParseInt: parsing "x": invalid syntax)"},
  };
  for (const Case& c : cases)
    CHECK(compile_error<Sample>(c.expression) == "Failed to coerce value " + c.error);
}

TEST_CASE("patterns are checked") {
  struct Case {
    std::string pattern;
    std::string error;
  };
  const Case cases[] = {
      {"[", "missing closing ]: `[`"},
      {"(", "missing closing ): `(`"},
      {"a)", "unexpected ): `a)`"},
      {"*", "missing argument to repetition operator: `*`"},
      {"a**", "invalid nested repetition operator: `**`"},
      {"a{2000}", "invalid repeat count: `{2000}`"},
      {"(?<x", "invalid or unsupported Perl syntax: `(?<`"},
      {"(?P<x", "invalid named capture: `(?P<x`"},
      {"[z-a]", "invalid character class range: `z-a`"},
      {"\\", "trailing backslash at end of expression: ``"},
      {"\\8", "invalid escape sequence: `\\8`"},
  };
  for (const Case& c : cases) {
    CHECK(
        compile_error<Sample>("Text matches `" + c.pattern + "`").find("error parsing regexp: " + c.error) !=
        std::string::npos);
  }
  CHECK(compile_error<Sample>("Text matches `[`") ==
        "Failed to compile regular expression \"[\": error parsing regexp: missing closing ]: `[`");
}

TEST_CASE("patterns are bounded in number and memory") {
  std::string many = "Text matches x";
  for (std::size_t i = 1; i < kMaxPatterns; ++i) many += " or Text matches x";
  CHECK(compile_error<Sample>(many).empty());
  CHECK(compile_error<Sample>(many + " or Text matches x") ==
        "more than 64 regular expressions in the expression");
  CHECK(compile_error<Sample>("Text matches `((((a{100}){100}){100}){100})`").find("regular expression") !=
        std::string::npos);
  Sample sample;
  sample.text = std::string(100000, 'a');
  CHECK_FALSE(fits("Text matches `(a*)*b$`", sample));
}

TEST_CASE("wrong syntax is an error of the compiler too") {
  CHECK(compile_error<Sample>("Text") ==
        R"(1:5 (4): no match found, expected: "!=", ".", "==", "[", [ \t\r\n] or [a-zA-Z0-9_])");
}

TEST_CASE("a filter is for the records that it was compiled for") {
  const Result<Filter> filter = Filter::compile("Flag == true", schema_of<Sample>());
  REQUIRE(filter.ok());
  CHECK(filter->matches(Leaf()).status().code() == Code::kInternal);
}

TEST_CASE("schemas hold what can be selected") {
  const Schema schema = schema_of<Sample>();
  CHECK(schema.kind == Kind::kRecord);
  CHECK(schema.find("Hidden") == nullptr);
  CHECK(schema.find("Data") == nullptr);
  CHECK(schema.find("Opaque") == nullptr);
  CHECK(schema.find("flag") == nullptr);
  REQUIRE(schema.find("Flag") != nullptr);
  CHECK(schema.find("Flag")->schema->kind == Kind::kBool);
  CHECK(schema.find("Flag")->ordinal == 2);
  CHECK(schema.find("Wait")->schema->kind == Kind::kSigned);
  CHECK(schema.find("Maybe")->schema->kind == Kind::kRecord);
  CHECK(schema.find("Leaves")->schema->elements->find("Port")->schema->kind == Kind::kSigned);
}

model::CheckServiceNode health_row() {
  model::Node node;
  node.name = "n1";
  node.address = "10.0.0.1";
  node.meta = {{"rack", "r1"}, {"os", "linux"}};
  model::ServiceInstance service;
  service.id = "web1";
  service.name = "web";
  service.port = 8001;
  service.tags = {"v1", "primary"};
  service.meta = {{"version", "1"}};
  service.weights = {10, 2};
  service.tagged_addresses["lan"] = {"10.1.0.1", 8001};
  model::HealthCheck check;
  check.check_id = "web1-http";
  check.status = "critical";
  return {std::make_shared<const model::Node>(node),
          std::make_shared<const model::ServiceInstance>(service),
          {std::make_shared<const model::HealthCheck>(), std::make_shared<const model::HealthCheck>(check)}};
}

TEST_CASE("rows of service health are filtered by Consul's names") {
  const model::CheckServiceNode row = health_row();
  for (const char* expression :
       {"Service.Port==8001", "Service.Tags contains primary", "Node.Meta.rack==r1",
        "Checks.Status==critical", "\"critical\" in Checks.Status", "Service.Meta.version==1",
        "Service.Weights.Passing==10", "Node.Node==n1", "Checks is not empty",
        "Service.TaggedAddresses.lan.Port == 8001", "Service.Connect.Native == false",
        "Service.Proxy.Mode == \"\"", "Service.Proxy.Upstreams is empty", "Service.ID matches \"^web[13]\"",
        "Service.Kind == \"\"", "Service.EnableTagOverride == false"}) {
    CHECK(fits(expression, row));
  }
  for (const char* expression : {"Service.Port==8002", "Node.Meta.rack==r2", "Checks.Status==warning",
                                 "Checks is empty", "Service.TaggedAddresses.wan.Port == 8001"}) {
    CHECK_FALSE(fits(expression, row));
  }
  CHECK(compile_error<model::CheckServiceNode>("Bad.Field==1") == "Selector \"Bad\" is not valid");
  CHECK(compile_error<model::CheckServiceNode>("Service.ModifyIndex==1") ==
        "Selector \"Service.ModifyIndex\" is not valid");
  CHECK(compile_error<model::CheckServiceNode>("Service.Proxy.Config.a==1") ==
        "Selector \"Service.Proxy.Config\" is not valid");
  CHECK(
      compile_error<model::CheckServiceNode>("Service.Port==x") ==
      R"(Failed to coerce value "x" for selector "Service.Port": strconv.ParseInt: parsing "x": invalid syntax)");
}

TEST_CASE("rows of the catalog are filtered by Consul's names") {
  const model::CheckServiceNode health = health_row();
  const model::ServiceNode row{health.node, health.service};
  for (const char* expression :
       {"ServicePort==8001", "ServiceMeta.version==1", "\"v1\" in ServiceTags", "ServiceTags is not empty",
        "ServiceWeights.Passing==10", "Node==n1 or Node==n2", "(Node==n1 or Node==n2) and NodeMeta.rack!=r2",
        "ServiceKind==\"\"", "ServiceEnableTagOverride==false", "Address matches \"10.0.0.[12]\""}) {
    CHECK(fits(expression, row));
  }
  CHECK(compile_error<model::ServiceNode>("ServiceAddress is empty") ==
        R"(Invalid match operator "Is Empty" for selector "ServiceAddress")");
  CHECK(compile_error<model::ServiceNode>("ServiceTags.foo==1") ==
        R"(Selector "ServiceTags.foo" is not valid)");
  CHECK(
      compile_error<model::ServiceNode>("ServicePort==abc") ==
      R"(Failed to coerce value "abc" for selector "ServicePort": strconv.ParseInt: parsing "abc": invalid syntax)");
  CHECK(compile_error<model::Node>("Node in Meta.os").empty());
}

TEST_CASE("a filter knows how much its regular expressions may cost") {
  const auto size = [](const char* expression) {
    return Filter::compile(expression, schema_of<model::Node>())->pattern_size();
  };
  CHECK(size("") == 0);
  CHECK(size("Node==n1") == 0);
  const std::size_t one = size("Node matches `^n1$`");
  CHECK(one > 0);
  CHECK(size("Node matches `^n1$` or Address matches `^n1$`") == 2 * one);
  CHECK(size("Node matches `(x?a?){400}b`") > 1000);
}

}  // namespace
}  // namespace discovery::filter
