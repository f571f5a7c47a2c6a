#include "lib/api/host_facts.h"

#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string_view>
#include <system_error>

#include "lib/base/strings.h"
#include "lib/codec/json_writer.h"

namespace discovery::api {
namespace {

using Pairs = std::map<std::string, std::string, std::less<>>;

/// The lines "name<separator>value" of a file; at most `limit` of them.
Pairs read_pairs(const char* path, char separator, std::size_t limit = 256) {
  Pairs pairs;
  std::ifstream file(path);
  std::string line;
  while (pairs.size() < limit && std::getline(file, line)) {
    const std::size_t at = line.find(separator);
    if (at == std::string::npos) continue;
    std::string_view value = base::trim(std::string_view(line).substr(at + 1));
    if (value.size() > 1 && value.front() == '"') value = value.substr(1, value.size() - 2);
    pairs.emplace(base::trim(std::string_view(line).substr(0, at)), value);
  }
  return pairs;
}

std::string_view get(const Pairs& pairs, std::string_view name) {
  const auto at = pairs.find(name);
  return at == pairs.end() ? std::string_view() : std::string_view(at->second);
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

double percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

void write_memory(codec::JsonWriter& writer) {
  constexpr std::uint64_t kKilo = 1024;
  const Pairs info = read_pairs("/proc/meminfo", ':');
  const auto bytes = [&](std::string_view name) { return number(get(info, name)) * kKilo; };
  const std::uint64_t total = bytes("MemTotal");
  const std::uint64_t cached = bytes("Cached") + bytes("SReclaimable");
  const std::uint64_t free = bytes("MemFree");
  const std::uint64_t idle = free + bytes("Buffers") + cached;
  const std::uint64_t used = total > idle ? total - idle : 0;
  writer.begin_object();
  writer.field("total", total);
  writer.field("available", bytes("MemAvailable"));
  writer.field("used", used);
  writer.field("usedPercent", percent(used, total));
  writer.field("free", free);
  writer.field("active", bytes("Active"));
  writer.field("inactive", bytes("Inactive"));
  writer.field("wired", std::uint64_t{0});
  writer.field("buffers", bytes("Buffers"));
  writer.field("cached", cached);
  writer.field("dirty", bytes("Dirty"));
  writer.field("shared", bytes("Shmem"));
  writer.field("slab", bytes("Slab"));
  writer.field("swaptotal", bytes("SwapTotal"));
  writer.field("swapfree", bytes("SwapFree"));
  writer.end_object();
}

void write_cpu(codec::JsonWriter& writer, const Pairs& cpu) {
  const double mhz = std::strtod(std::string(get(cpu, "cpu MHz")).c_str(), nullptr);
  writer.begin_object();
  writer.field("cpu", number(get(cpu, "processor")));
  writer.field("vendorId", get(cpu, "vendor_id"));
  writer.field("family", get(cpu, "cpu family"));
  writer.field("model", get(cpu, "model"));
  writer.field("stepping", number(get(cpu, "stepping")));
  writer.field("physicalId", get(cpu, "physical id"));
  writer.field("coreId", get(cpu, "core id"));
  writer.field("cores", std::uint64_t{1});
  writer.field("modelName", get(cpu, "model name"));
  writer.field("mhz", mhz);
  writer.field("cacheSize", number(get(cpu, "cache size")));
  writer.key("flags");
  writer.begin_array();
  for (const std::string_view flag : base::split(get(cpu, "flags"), ' ')) {
    writer.element();
    writer.string(flag);
  }
  writer.end_array();
  writer.field("microcode", get(cpu, "microcode"));
  writer.end_object();
}

/// One object for each processor: /proc/cpuinfo separates them by empty lines.
void write_cpus(codec::JsonWriter& writer) {
  constexpr int kMostProcessors = 4096;
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  Pairs cpu;
  int count = 0;
  writer.begin_array();
  const auto flush = [&] {
    if (cpu.empty() || count++ >= kMostProcessors) return;
    writer.element();
    write_cpu(writer, cpu);
    cpu.clear();
  };
  while (std::getline(file, line)) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) {
      flush();
    } else {
      cpu.emplace(base::trim(std::string_view(line).substr(0, colon)),
                  base::trim(std::string_view(line).substr(colon + 1)));
    }
  }
  flush();
  writer.end_array();
}

void write_host(codec::JsonWriter& writer, std::chrono::system_clock::time_point now) {
  struct sysinfo info {};
  sysinfo(&info);
  utsname names{};
  uname(&names);
  const Pairs release = read_pairs("/etc/os-release", '=');
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  writer.begin_object();
  writer.field("hostname", std::string_view(names.nodename));
  writer.field("uptime", static_cast<std::int64_t>(info.uptime));
  writer.field("bootTime", static_cast<std::int64_t>(seconds - info.uptime));
  writer.field("procs", static_cast<std::uint64_t>(info.procs));
  writer.field("os", std::string_view("linux"));
  writer.field("platform", get(release, "ID"));
  writer.field("platformFamily",
               get(release, "ID_LIKE").empty() ? get(release, "ID") : get(release, "ID_LIKE"));
  writer.field("platformVersion", get(release, "VERSION_ID"));
  writer.field("kernelVersion", std::string_view(names.release));
  writer.field("kernelArch", std::string_view(names.machine));
  writer.field("virtualizationSystem", std::string_view());
  writer.field("virtualizationRole", std::string_view());
  writer.field("hostid", first_line("/etc/machine-id"));
  writer.end_object();
}

void write_disk(codec::JsonWriter& writer) {
  struct statvfs disk {};
  statvfs("/", &disk);
  const std::uint64_t total = disk.f_blocks * disk.f_frsize;
  const std::uint64_t free = disk.f_bavail * disk.f_frsize;
  const std::uint64_t used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize;
  writer.begin_object();
  writer.field("path", std::string_view("/"));
  writer.field("fstype", std::string_view());
  writer.field("total", total);
  writer.field("free", free);
  writer.field("used", used);
  writer.field("usedPercent", percent(used, used + free));
  writer.field("inodesTotal", static_cast<std::uint64_t>(disk.f_files));
  writer.field("inodesUsed", static_cast<std::uint64_t>(disk.f_files - disk.f_ffree));
  writer.field("inodesFree", static_cast<std::uint64_t>(disk.f_ffree));
  writer.field("inodesUsedPercent", percent(disk.f_files - disk.f_ffree, disk.f_files));
  writer.end_object();
}

}  // namespace

std::string host_facts_json(std::chrono::system_clock::time_point now) {
  std::string out;
  codec::JsonWriter writer(out);
  writer.begin_object();
  writer.key("Memory");
  write_memory(writer);
  writer.key("CPU");
  write_cpus(writer);
  writer.key("Host");
  write_host(writer, now);
  writer.key("Disk");
  write_disk(writer);
  writer.field("CollectionTime",
               static_cast<std::int64_t>(
                   std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count()));
  writer.key("Errors");
  writer.null();
  writer.end_object();
  return out;
}

/// Kernels from 6.2 on tell it as the directory's size; before, its entries are to be counted.
std::uint64_t open_files() {
  struct stat about {};
  if (stat("/proc/self/fd", &about) == 0 && about.st_size > 0)
    return static_cast<std::uint64_t>(about.st_size);
  std::uint64_t count = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; at != end; at.increment(error))
    ++count;
  return count;
}

ProcessFacts process_facts() {
  ProcessFacts facts;
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  file >> size >> resident;
  facts.resident_bytes = resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  facts.heap_bytes = mallinfo2().uordblks;
  facts.threads = number(get(read_pairs("/proc/self/status", ':'), "Threads"));
  facts.open_files = open_files();
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) facts.max_files = files.rlim_cur;
  return facts;
}

std::string architecture() {
  utsname names{};
  uname(&names);
  const std::string_view machine = names.machine;
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  return std::string(machine);
}

}  // namespace discovery::api
