#include "lib/http1/response_head.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace discovery::http1 {
namespace {

void append_number(std::string& out, std::uint64_t number, int base) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), number, base).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

}  // namespace

void append_response_head(std::string& out, const Response& response, const HeadDetails& details) {
  if (response.status == 200 && details.version >= 11) {
    out += "HTTP/1.1 200 OK\r\n";
  } else {
    out += details.version >= 11 ? "HTTP/1.1 " : "HTTP/1.0 ";
    append_number(out, static_cast<std::uint64_t>(response.status), 10);
    out += ' ';
    out += reason_phrase(response.status);
    out += "\r\n";
  }
  out += response.headers.lines();
  out += "Date: ";
  out += details.date;
  switch (details.body) {
    case HeadDetails::BodyKind::kLength:
      out += "\r\nContent-Length: ";
      append_number(out, details.length, 10);
      break;
    case HeadDetails::BodyKind::kChunked:
      out += "\r\nTransfer-Encoding: chunked";
      break;
    case HeadDetails::BodyKind::kNone:
    case HeadDetails::BodyKind::kUntilClose:
      break;
  }
  if (!details.keep_alive) {
    out += "\r\nConnection: close";
  } else if (details.version < 11) {
    out += "\r\nConnection: keep-alive";
  }
  out += "\r\n\r\n";
}

void append_chunk_head(std::string& out, std::uint64_t size) {
  append_number(out, size, 16);
  out += size == 0 ? "\r\n\r\n" : "\r\n";
}

std::string format_date(std::chrono::system_clock::time_point time) {
  constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
                kDays[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

bool has_no_body(int status) noexcept { return status / 100 == 1 || status == 204 || status == 304; }

}  // namespace discovery::http1
