#include "daemon/agent/pid_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <system_error>

namespace discovery {

Result<PidFile> PidFile::create(std::string path) {
  if (path.empty()) return PidFile({});
  errno = 0;
  std::ofstream file(path, std::ios::trunc);
  file << getpid();
  file.close();
  if (!file) {
    const Code code = errno == EACCES ? Code::kPermissionDenied : Code::kUnavailable;
    return Status(code, "Could not write pid file " + path + ": " + std::generic_category().message(errno));
  }
  return PidFile(std::move(path));
}

PidFile::~PidFile() {
  if (!path_.empty()) std::remove(path_.c_str());
}

}  // namespace discovery
