#pragma once

#include <span>
#include <string_view>

namespace discovery::base {

/// The one of `names` that is most like `name`, if any is alike at all; else empty. For names of keys and
/// flags. Pure; quadratic in the lengths.
std::string_view nearest(std::string_view name, std::span<const std::string_view> names);

}  // namespace discovery::base
