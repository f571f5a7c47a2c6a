#pragma once

/// \file
/// Text for terminals: joined, wrapped, in aligned columns. Pure functions, safe from any thread.

#include <string>
#include <string_view>
#include <vector>

namespace discovery::cli {

/// `parts` with `separator` between them.
std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// `text` broken at spaces so that no line, with `indent` spaces before it, is wider than `width`, unless a
/// single word is. No line end after the last line.
std::string wrap(std::string_view text, std::size_t indent, std::size_t width);

/// Rows of cells as left-aligned columns with `gap` spaces between them; the last cell of a row is not
/// padded. Widths count UTF-8 code points. Lines are separated, not ended, by '\n'.
std::string columns(const std::vector<std::vector<std::string>>& rows, std::size_t gap = 2);

}  // namespace discovery::cli
