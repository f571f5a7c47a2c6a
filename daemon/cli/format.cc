#include "daemon/cli/format.h"

#include <algorithm>

#include "lib/base/strings.h"

namespace discovery::cli {
namespace {

std::size_t display_width(std::string_view text) {
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
  return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues));
}

}  // namespace

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (&part != &parts.front()) out += separator;
    out += part;
  }
  return out;
}

std::string wrap(std::string_view text, std::size_t indent, std::size_t width) {
  const std::string margin(indent, ' ');
  std::string out;
  std::size_t line_width = 0;
  for (text = base::trim(text); !text.empty(); text = base::trim(text)) {
    const std::string_view word = text.substr(0, text.find_first_of(" \t\r\n"));
    text.remove_prefix(word.size());
    const std::size_t word_width = display_width(word);
    if (line_width > 0 && line_width + 1 + word_width <= width) {
      out += ' ';
      line_width += 1 + word_width;
    } else {
      if (line_width > 0) out += '\n';
      out += margin;
      line_width = indent + word_width;
    }
    out += word;
  }
  return out;
}

std::string columns(const std::vector<std::vector<std::string>>& rows, std::size_t gap) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    if (&row != &rows.front()) out += '\n';
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] - display_width(row[i]) + gap, ' ');
    }
  }
  return out;
}

}  // namespace discovery::cli
