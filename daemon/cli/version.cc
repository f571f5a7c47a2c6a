#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <discovery/version.h>

#include "daemon/cli/commands.h"

namespace discovery::cli {
namespace {

// The agent-to-agent protocol, numbered as Consul numbers it.
constexpr int kProtocolDefault = 2;
constexpr int kProtocolMin = 2;
constexpr int kProtocolMax = 3;

std::string pretty() {
  return "discoveryd v" + std::string(version()) + "\nProtocol " + std::to_string(kProtocolDefault) +
         " spoken by default, understands " + std::to_string(kProtocolMin) + " to " +
         std::to_string(kProtocolMax) +
         " (agent will automatically use protocol >2 when speaking to compatible agents)";
}

std::string json() {
  const std::string_view full = version();
  const std::size_t dash = full.find('-');
  const std::string_view prerelease = dash == std::string_view::npos ? "" : full.substr(dash + 1);
  rapidjson::StringBuffer buffer;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
  writer.SetIndent(' ', 3);
  const auto text = [&](const char* name, std::string_view value) {
    writer.Key(name);
    writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  };
  const auto number = [&](const char* name, int value) {
    writer.Key(name);
    writer.Int(value);
  };
  writer.StartObject();
  text("Version", full.substr(0, dash));
  text("Revision", "");
  text("Prerelease", prerelease);
  writer.Key("RPC");
  writer.StartObject();
  number("Default", kProtocolDefault);
  number("Min", kProtocolMin);
  number("Max", kProtocolMax);
  writer.EndObject();
  writer.EndObject();
  return buffer.GetString();
}

class Version final : public Command {
 public:
  std::string_view usage() const override {
    return "Usage: discoveryd version [options]\n"
           "\n"
           "  Prints the version of this program and of the protocol it speaks.\n";
  }

  void declare(FlagSet& flags) override {
    flags.add({"format", "pretty|json", "How to print it. Default: pretty."}, format_);
  }

  int run(Context& context, const std::vector<std::string>&) override {
    if (format_ != "pretty" && format_ != "json") return fail(context, "Unknown format: " + format_);
    context.out << (format_ == "json" ? json() : pretty()) << '\n';
    return kExitSuccess;
  }

 private:
  std::string format_ = "pretty";
};

}  // namespace

std::unique_ptr<Command> make_version() { return std::make_unique<Version>(); }

}  // namespace discovery::cli
