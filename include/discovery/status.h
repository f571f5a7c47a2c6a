#pragma once

/// \file
/// Errors are values: `Status` says how a call ended, `Result<T>` carries what it returned or why it did not.
/// No function of this library throws across its interface.

#include <cassert>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <discovery/export.h>

namespace discovery::inline v0 {

/// Why a call failed. Each code stands for one thing a caller can do about it.
enum class Code : std::uint8_t {
  kOk,                  ///< it worked
  kCancelled,           ///< the caller's stop was requested, or the instance is stopping
  kInvalidArgument,     ///< the request is wrong and will stay wrong; mend it
  kDeadlineExceeded,    ///< not done in time; nothing was changed
  kNotFound,            ///< what was asked for is not there
  kConflict,            ///< a compare-and-set lost; read again and decide
  kPermissionDenied,    ///< the token may not do this
  kUnauthenticated,     ///< the token is not known
  kResourceExhausted,   ///< a documented limit was hit; the message names it
  kFailedPrecondition,  ///< the system is not in the state that the call needs
  kUnavailable,         ///< nobody can serve this now; try again
  kNotLeader,           ///< ask the leader; the message names it where it is known
  kUnknownOutcome,      ///< the write may still commit; read before repeating it
  kDataLoss,            ///< stored data are damaged
  kInternal,            ///< a broken invariant: a bug of this library
};

/// The code's name in lower case with underscores, e.g. "invalid_argument".
DISCOVERY_EXPORT std::string_view to_string(Code code) noexcept;

/// How a call ended: a code, and for a failure a message for people. A success is one null pointer wide.
/// Threads: a value; distinct objects may be used by distinct threads.
class [[nodiscard]] Status {
 public:
  /// Success.
  Status() noexcept = default;
  /// A failure with a message; `code` must not be kOk.
  Status(Code code, std::string message)
      : failure_(std::make_shared<const Failure>(Failure{code, std::move(message)})) {
    assert(code != Code::kOk);
  }

  bool ok() const noexcept { return failure_ == nullptr; }
  Code code() const noexcept { return failure_ ? failure_->code : Code::kOk; }
  /// Empty on success. Valid as long as a copy of this status lives.
  std::string_view message() const noexcept {
    return failure_ ? std::string_view(failure_->message) : std::string_view();
  }
  /// "ok", or "code: message", for logs.
  DISCOVERY_EXPORT std::string to_string() const;

  friend bool operator==(const Status& a, const Status& b) noexcept {
    return a.code() == b.code() && a.message() == b.message();
  }

 private:
  struct Failure {
    Code code;
    std::string message;
  };
  std::shared_ptr<const Failure> failure_;
};

/// Shorthand for the failure that a caller makes by a wrong request.
inline Status invalid_argument(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

/// What a call returned, or the Status that says why it did not.
/// Threads: a value; distinct objects may be used by distinct threads.
template <class T>
class [[nodiscard]] Result {
 public:
  /// A success.
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by design
  /// A failure; `status` must not be ok.
  Result(Status status) : state_(std::in_place_index<1>, std::move(status)) {  // NOLINT: implicit by design
    assert(!std::get<1>(state_).ok());
  }

  bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }
  /// The failure, or an ok status.
  Status status() const { return ok() ? Status() : std::get<1>(state_); }

  /// The value. REQUIRES: ok().
  const T& operator*() const& { return *std::get_if<0>(&state_); }
  T& operator*() & { return *std::get_if<0>(&state_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  T* operator->() { return std::get_if<0>(&state_); }

 private:
  std::variant<T, Status> state_;
};

/// The value of a call that returns nothing but its success.
using Unit = std::monostate;

}  // namespace discovery::inline v0
