#pragma once

/// \file
/// TLS 1.2 and 1.3 as a client, above any stream (RFC 8446). OpenSSL works on memory; bytes move on the
/// stream below.

#include <memory>
#include <string>

#include <discovery/async.h>
#include <discovery/status.h>
#include <discovery/types.h>

#include "lib/env/env.h"

namespace discovery::tls {

/// Whom a client trusts, and who it is. Threads: safe; shared by any number of handshakes.
class ClientContext {
 public:
  struct Options {
    bool verify = true;     ///< whether the server must prove who it is
    std::string ca_file{};  ///< PEM; with both empty, the certificates that the system trusts
    std::string ca_path{};  ///< a directory of them
    std::string ca_text{};  ///< PEM, in addition
    /// \name Who the client is, for servers that demand it: both or none
    /// @{
    std::string cert_file{};  ///< PEM: the certificate, and those between it and what the server trusts
    std::string key_file{};   ///< PEM, without a passphrase
    /// @}
  };
  virtual ~ClientContext() = default;
  /// kInvalidArgument if the certificates that are named cannot be read, or the key does not belong to the
  /// client's; kUnavailable if OpenSSL is not installed. Blocks: reads their files. With none named, all of
  /// that is put off until the first handshakes, which await a worker that does it.
  static Result<std::shared_ptr<const ClientContext>> create(const Options& options);

 protected:
  ClientContext() = default;
};

/// A handshake under way. Destroying it cancels it: its callback then never runs. Blocks: while a worker
/// still reads what the system trusts for it, once in the life of a context.
class Handshake {
 public:
  virtual ~Handshake() = default;
};

/// Begins TLS on a connected stream and calls `done` from the loop with the protected one. `server_name`, a
/// host name or an IP address, is what the certificate must be for; a host name is sent as well (RFC 6066).
/// Errors: kUnavailable (it broke, or the server is not who it should be), kDeadlineExceeded.
/// Threads: the loop's.
[[nodiscard]] std::unique_ptr<Handshake> connect(
    env::Env& env, std::unique_ptr<env::Stream> stream, const std::shared_ptr<const ClientContext>& context,
    const std::string& server_name, Duration timeout,
    UniqueFunction<void(Result<std::unique_ptr<env::Stream>>)> done);

}  // namespace discovery::tls
