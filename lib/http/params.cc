#include "lib/http/params.h"

#include <algorithm>

#include "lib/http/path.h"

namespace discovery::http {

Params::Problem Params::parse(std::string_view query) {
  if (query.find_first_of("%+") != std::string_view::npos) decoded_.reserve(query.size());
  while (!query.empty()) {
    const std::size_t end = std::min(query.find_first_of("&;"), query.size());
    const std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (part.empty()) continue;
    if (size_ == kMaxParams) return Problem::kTooMany;
    const std::size_t equals = std::min(part.find('='), part.size());
    const auto name = decode(part.substr(0, equals));
    const auto value = decode(part.substr(std::min(equals + 1, part.size())));
    if (!name || !value) return Problem::kBadEscape;
    add({*name, *value});
  }
  return Problem::kNone;
}

void Params::add(Param param) {
  if (size_ < kInline) {
    inline_[size_] = param;
  } else {
    if (spill_.empty()) spill_.assign(inline_, inline_ + size_);
    spill_.push_back(param);
  }
  ++size_;
}

std::optional<std::string_view> Params::decode(std::string_view text) {
  if (text.find_first_of("%+") == std::string_view::npos) return text;
  const std::size_t start = decoded_.size();
  if (!append_unescaped(decoded_, text, true)) return std::nullopt;
  return std::string_view(decoded_).substr(start);
}

std::string Params::encode() const {
  std::vector<Param> sorted(begin(), end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Param& a, const Param& b) { return a.name < b.name; });
  std::string out;
  for (const Param& param : sorted) {
    if (!out.empty()) out += '&';
    append_query_escaped(out, param.name);
    out += '=';
    append_query_escaped(out, param.value);
  }
  return out;
}

}  // namespace discovery::http
