#pragma once

#include <string>
#include <vector>

#include <discovery/status.h>

namespace discovery::config {

/// A configuration file that was read.
struct ConfigFile {
  std::string path;
  bool is_json = false;  ///< else HCL
  std::string text;
};

/// Reads a file, or all files of a directory (not those below it) sorted by name. `format` is "hcl", "json",
/// or empty: then the extension tells, and what has neither is refused, or in a directory passed over with a
/// warning. Blocks on the disk. Errors: kInvalidArgument with Consul's texts, kNotFound where nothing can be
/// opened, kResourceExhausted for a file over hcl::kMaxInput.
Result<std::vector<ConfigFile>> read_config_files(const std::string& path, const std::string& format,
                                                  std::vector<std::string>& warnings);

/// A text that is another one when the files have changed that read_config_files() would read for any of
/// `paths`: what they are called, and their sizes and times. It never fails: a file that is not there is such
/// a state, too. Blocks on the disk, for a moment.
std::string state_of_config_files(const std::vector<std::string>& paths, const std::string& format);

}  // namespace discovery::config
