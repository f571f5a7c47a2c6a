#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace discovery::http {

/// The parameters of a query string, as Go's url.ParseQuery reads it (https://pkg.go.dev/net/url#ParseQuery;
/// '&' and
/// ';' separate, as they did when Consul 1.10 was built). Without escapes the views point into the query
/// string, which must stay; no allocation is made for up to kInline parameters then. Threads: not shared.
class Params {
 public:
  struct Param {
    std::string_view name;
    std::string_view value;
  };
  enum class Problem { kNone, kBadEscape, kTooMany };

  /// More are refused, so that no loop over them takes long.
  static constexpr std::size_t kMaxParams = 1024;
  static constexpr std::size_t kInline = 6;

  Params() = default;
  Params(const Params&) = delete;
  Params& operator=(const Params&) = delete;

  /// Reads `query`; call it once.
  Problem parse(std::string_view query);

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  const Param* begin() const noexcept { return spill_.empty() ? inline_ : spill_.data(); }
  const Param* end() const noexcept { return begin() + size_; }

  /// Whether there is one of that name, with or without a value.
  bool has(std::string_view name) const noexcept { return find(name) != nullptr; }
  /// The first value of that name; empty if there is none.
  std::string_view get(std::string_view name) const noexcept {
    const Param* param = find(name);
    return param != nullptr ? param->value : std::string_view();
  }
  /// All of them in the order of their names, encoded again.
  std::string encode() const;

 private:
  const Param* find(std::string_view name) const noexcept {
    for (const Param& param : *this) {
      if (param.name == name) return &param;
    }
    return nullptr;
  }
  void add(Param param);
  /// `text`, or its decoded form in decoded_.
  std::optional<std::string_view> decode(std::string_view text);

  std::size_t size_ = 0;
  Param inline_[kInline];
  std::vector<Param> spill_;  // all of them, once they do not fit in
  std::string decoded_;       // what had escapes; never grows beyond what was reserved, so that views stay
};

}  // namespace discovery::http
