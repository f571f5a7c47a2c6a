#include "lib/env/posix_error.h"

#include <cerrno>
#include <system_error>

namespace discovery::env {
namespace {

Code code_of(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
      return Code::kPermissionDenied;
    case ENOENT:
    case ENOTDIR:
      return Code::kNotFound;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
      return Code::kResourceExhausted;
    case EINVAL:
    case ENAMETOOLONG:
    case EAFNOSUPPORT:
      return Code::kInvalidArgument;
    case ETIMEDOUT:
      return Code::kDeadlineExceeded;
    case ECANCELED:
      return Code::kCancelled;
    default:
      return Code::kUnavailable;
  }
}

}  // namespace

Status posix_error(std::string_view what, int error) {
  std::string message(what);
  message += ": ";
  message += std::generic_category().message(error);
  return {code_of(error), std::move(message)};
}

}  // namespace discovery::env
