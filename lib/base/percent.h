#pragma once

#include <string>
#include <string_view>

namespace discovery::base {

/// A part of a URL's path or query, percent-encoded (RFC 3986, section 2): as they are stay only letters,
/// digits, "-_.~" and what is in `also_plain`. Pure and thread-safe.
std::string percent_encode(std::string_view text, std::string_view also_plain = {});

}  // namespace discovery::base
