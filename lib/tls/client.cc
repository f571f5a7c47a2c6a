#include "lib/tls/client.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/tls/openssl.h"

namespace discovery::tls {
namespace {

using SslContext = std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)>;
using Ssl = std::unique_ptr<SSL, decltype(&::SSL_free)>;
using Bio = std::unique_ptr<BIO, decltype(&::BIO_free_all)>;
using Certificate = std::unique_ptr<X509, decltype(&::X509_free)>;

/// Adds all certificates of a PEM text; false if there is none.
bool add_certificates(const OpenSsl& api, SSL_CTX& context, const std::string& text) {
  const Bio bio(api.BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), api.BIO_free_all);
  int count = 0;
  while (true) {
    const Certificate one(api.PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), api.X509_free);
    if (!one) break;
    count += api.X509_STORE_add_cert(api.SSL_CTX_get_cert_store(&context), one.get());
  }
  api.ERR_clear_error();
  return count > 0;
}

/// Nobody is asked for a passphrase: a program's terminal is its own.
int no_passphrase(char*, int, int, void*) { return 0; }

/// Reads who the client is.
Status load_identity(const OpenSsl& api, SSL_CTX& context, const ClientContext::Options& options) {
  if (options.cert_file.empty() && options.key_file.empty()) return {};
  if (options.cert_file.empty() || options.key_file.empty()) {
    return invalid_argument("both client cert and client key must be provided");
  }
  if (api.SSL_CTX_use_certificate_chain_file(&context, options.cert_file.c_str()) != 1) {
    return invalid_argument("cannot read the client certificate " + options.cert_file + ": " +
                            api.last_error());
  }
  api.SSL_CTX_set_default_passwd_cb(&context, no_passphrase);
  if (api.SSL_CTX_use_PrivateKey_file(&context, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return invalid_argument("cannot use the client key " + options.key_file + ": " + api.last_error());
  }
  return {};
}

/// Reads the certificates that options name.
Result<SslContext> load(const OpenSsl& api, const ClientContext::Options& options) {
  SslContext context(api.SSL_CTX_new(api.TLS_client_method()), api.SSL_CTX_free);
  if (!context) return Status(Code::kResourceExhausted, "cannot set up TLS: " + api.last_error());
  api.SSL_CTX_ctrl(context.get(), SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, nullptr);
  api.SSL_CTX_ctrl(context.get(), SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, nullptr);
  api.SSL_CTX_set_verify(context.get(), options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  const char* file = options.ca_file.empty() ? nullptr : options.ca_file.c_str();
  const char* path = options.ca_path.empty() ? nullptr : options.ca_path.c_str();
  if (file != nullptr || path != nullptr) {
    if (api.SSL_CTX_load_verify_locations(context.get(), file, path) != 1) {
      return invalid_argument("cannot read the certificates of " +
                              (file != nullptr ? options.ca_file : options.ca_path) + ": " +
                              api.last_error());
    }
  } else if (options.verify && options.ca_text.empty()) {
    api.SSL_CTX_set_default_verify_paths(context.get());
  }
  if (!options.ca_text.empty() && !add_certificates(api, *context, options.ca_text)) {
    return invalid_argument("there is no certificate in the text that was given");
  }
  if (Status status = load_identity(api, *context, options); !status.ok()) return status;
  api.ERR_clear_error();
  return context;
}

/// Loading OpenSSL and reading what the system trusts takes some 20 ms and several megabytes, so it is put
/// off until the first handshake, and done off the loop then.
class Context final : public ClientContext {
 public:
  explicit Context(Options options) : options_(std::move(options)) {}

  Status prepare() const {
    std::call_once(loaded_, [this] {
      failure_ = prepare_once();
      prepared_.store(true, std::memory_order_release);
    });
    return failure_;
  }
  /// Whether prepare() has been done, and does not block.
  bool is_prepared() const noexcept { return prepared_.load(std::memory_order_acquire); }
  /// REQUIRES: prepare() went well.
  Ssl make() const { return {api_->SSL_new(context_.get()), api_->SSL_free}; }
  const std::shared_ptr<const OpenSsl>& api() const noexcept { return api_; }
  bool verify() const noexcept { return options_.verify; }

 private:
  Status prepare_once() const {
    Result<std::shared_ptr<const OpenSsl>> api = load_openssl();
    if (!api.ok()) return api.status();
    api_ = *std::move(api);
    Result<SslContext> context = load(*api_, options_);
    if (!context.ok()) return context.status();
    context_ = *std::move(context);
    return {};
  }

  const Options options_;
  mutable std::once_flag loaded_;
  mutable std::atomic<bool> prepared_{false};
  mutable std::shared_ptr<const OpenSsl> api_;
  mutable SslContext context_{nullptr, nullptr};
  mutable Status failure_;
};

/// TLS above a stream: OpenSSL reads and writes memory, which is carried to and from the stream below.
class TlsStream final : public env::Stream, public std::enable_shared_from_this<TlsStream> {
 public:
  TlsStream(env::Env& env, std::unique_ptr<env::Stream> below, const Context& context)
      : env_(env), below_(std::move(below)), shared_api_(context.api()), ssl_(context.make()) {
    in_ = api_.BIO_new(api_.BIO_s_mem());
    out_ = api_.BIO_new(api_.BIO_s_mem());
    api_.SSL_set_bio(ssl_.get(), in_, out_);
    api_.SSL_set_connect_state(ssl_.get());
  }

  /// Says whom the certificate must be for.
  void expect_server(const std::string& name, bool verify) {
    X509_VERIFY_PARAM* wanted = api_.SSL_get0_param(ssl_.get());
    const bool is_address = api_.X509_VERIFY_PARAM_set1_ip_asc(wanted, name.c_str()) == 1;
    if (!is_address) {
      std::string copy = name;  // OpenSSL has no const here
      api_.SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, copy.data());
      if (verify) api_.SSL_set1_host(ssl_.get(), name.c_str());
    }
    api_.ERR_clear_error();
  }

  /// Calls `done` from the loop, once.
  void handshake(UniqueFunction<void(Status)> done) {
    handshake_done_ = std::move(done);
    shake();
  }

  void read_some(std::span<char> buffer, ReadDone done) override {
    buffer_ = buffer;
    read_done_ = std::move(done);
    // What is there already must not be handed over inside this call.
    if (has_unread()) {
      env_.post([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->try_read();
      });
    } else {
      fill();
    }
  }

  void write(std::span<const std::string_view> pieces, WriteDone done) override {
    write_done_ = std::move(done);
    api_.ERR_clear_error();  // as before each call: what others on this thread have left would pass for ours
    for (const std::string_view piece : pieces) {
      std::size_t written = 0;
      if (!piece.empty() && api_.SSL_write_ex(ssl_.get(), piece.data(), piece.size(), &written) != 1) {
        write_failure_ = Status(Code::kUnavailable, "tls: " + api_.last_error());
      }
    }
    flush();
  }

  void shutdown_send() override {
    api_.SSL_shutdown(ssl_.get());
    api_.ERR_clear_error();
    shutting_down_ = true;
    flush();
  }
  void close() override { below_->close(); }
  const env::Endpoint& remote() const override { return below_->remote(); }

 private:
  static constexpr std::size_t kChunk = 16384;

  /// Whether more has come from below than was handed over.
  bool has_unread() const { return api_.SSL_pending(ssl_.get()) > 0 || api_.BIO_ctrl_pending(in_) > 0; }

  void shake() {
    api_.ERR_clear_error();
    const int result = api_.SSL_do_handshake(ssl_.get());
    const int error = result == 1 ? SSL_ERROR_NONE : api_.SSL_get_error(ssl_.get(), result);
    if (result == 1) {
      flush();
      return finish_handshake({});
    }
    if (error != SSL_ERROR_WANT_READ) {
      const long verified = api_.SSL_get_verify_result(ssl_.get());
      std::string why = verified == X509_V_OK ? "tls: " + api_.last_error()
                                              : std::string("tls: failed to verify certificate: x509: ") +
                                                    api_.X509_verify_cert_error_string(verified);
      api_.ERR_clear_error();
      flush();  // the alert
      return finish_handshake({Code::kUnavailable, std::move(why)});
    }
    flush();
    fill();
  }

  void finish_handshake(Status status) {
    // Outside of the call that began it, where nothing had to be awaited.
    env_.post([weak = weak_from_this(), status = std::move(status)]() mutable {
      const auto self = weak.lock();
      if (!self || !self->handshake_done_) return;
      auto done = std::move(self->handshake_done_);
      done(std::move(status));
    });
  }

  /// Reads from below, and goes on with what was waiting for it.
  void fill() {
    if (filling_) return;
    filling_ = true;
    if (!memory_) memory_ = std::make_unique<std::array<char, kChunk>>();
    below_->read_some(*memory_, [this](const Result<std::size_t>& size) {
      filling_ = false;
      take(size);
      if (handshake_done_) return ended_ ? finish_handshake(broken()) : shake();
      if (read_done_) try_read();
    });
  }

  /// Hands what has come from below, into memory_, to OpenSSL.
  void take(const Result<std::size_t>& size) {
    if (size.ok() && *size > 0) {
      api_.BIO_write(in_, memory_->data(), static_cast<int>(*size));
      return;
    }
    ended_ = true;
    if (!size.ok()) read_failure_ = size.status();
  }

  Status broken() const {
    if (!read_failure_.ok()) return read_failure_;
    return {Code::kUnavailable, "the connection ended before the TLS handshake was over"};
  }

  void try_read() {
    if (!read_done_) return;
    auto result = decrypt(buffer_);
    if (!result) return fill();
    auto done = std::move(read_done_);
    done(*std::move(result));  // may destroy this
  }

  /// The next plain bytes, the end, or why there are none; nothing if more has to come from below for that.
  std::optional<Result<std::size_t>> decrypt(std::span<char> buffer) {
    std::size_t got = 0;
    api_.ERR_clear_error();
    const int result = api_.SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &got);
    const int error = result == 1 ? SSL_ERROR_NONE : api_.SSL_get_error(ssl_.get(), result);
    if (api_.BIO_ctrl_pending(out_) > 0) flush();
    if (result == 1) return got;
    if (error == SSL_ERROR_ZERO_RETURN) return std::size_t{0};
    if (error != SSL_ERROR_WANT_READ) return Status(Code::kUnavailable, "tls: " + api_.last_error());
    if (!ended_) return std::nullopt;
    if (read_failure_.ok()) return std::size_t{0};
    return read_failure_;
  }

  /// Carries what OpenSSL has written to the stream below, and ends the caller's write once all is gone.
  void flush() {
    if (flushing_) return;
    char* bytes = nullptr;
    const long size = api_.BIO_ctrl(out_, BIO_CTRL_INFO, 0, &bytes);
    if (size > 0) {
      pending_.assign(bytes, static_cast<std::size_t>(size));
      api_.BIO_ctrl(out_, BIO_CTRL_RESET, 0, nullptr);
    }
    if (pending_.empty() && !write_done_) return finish_shutdown();
    flushing_ = true;
    const std::array<std::string_view, 1> pieces = {pending_};
    below_->write(pieces, [this](Status status) {
      flushing_ = false;
      pending_.clear();
      if (!status.ok()) write_failure_ = std::move(status);
      if (api_.BIO_ctrl_pending(out_) > 0 && write_failure_.ok()) return flush();
      if (shutting_down_) finish_shutdown();
      if (!write_done_) return;
      auto done = std::move(write_done_);
      done(write_failure_);  // may destroy this
    });
  }

  void finish_shutdown() {
    if (shutting_down_) below_->shutdown_send();
  }

  env::Env& env_;
  std::unique_ptr<env::Stream> below_;
  const std::shared_ptr<const OpenSsl> shared_api_;
  const OpenSsl& api_ = *shared_api_;
  Ssl ssl_;
  BIO* in_;   // of ssl_
  BIO* out_;  // of ssl_
  UniqueFunction<void(Status)> handshake_done_;
  std::span<char> buffer_;
  ReadDone read_done_;
  WriteDone write_done_;
  Status write_failure_;
  Status read_failure_;
  std::unique_ptr<std::array<char, kChunk>> memory_;
  std::string pending_;
  bool filling_ = false;
  bool flushing_ = false;
  bool ended_ = false;
  bool shutting_down_ = false;
};

/// What the caller owns; the TlsStream itself is shared so that its posted callbacks can tell whether it
/// lives.
class OwnedStream final : public env::Stream {
 public:
  explicit OwnedStream(std::shared_ptr<TlsStream> stream) : stream_(std::move(stream)) {}
  void read_some(std::span<char> buffer, ReadDone done) override {
    stream_->read_some(buffer, std::move(done));
  }
  void write(std::span<const std::string_view> pieces, WriteDone done) override {
    stream_->write(pieces, std::move(done));
  }
  void shutdown_send() override { stream_->shutdown_send(); }
  void close() override { stream_->close(); }
  const env::Endpoint& remote() const override { return stream_->remote(); }

 private:
  std::shared_ptr<TlsStream> stream_;
};

class Shaking final : public Handshake {
 public:
  using Done = UniqueFunction<void(Result<std::unique_ptr<env::Stream>>)>;

  Shaking(env::Env& env, std::unique_ptr<env::Stream> below, std::shared_ptr<const Context> context,
          std::string server_name, Duration timeout, Done done)
      : env_(env),
        below_(std::move(below)),
        context_(std::move(context)),
        server_name_(std::move(server_name)),
        timer_(env.make_timer()),
        done_(std::move(done)) {
    timer_->start(timeout, [this] { end(Status(Code::kDeadlineExceeded, "TLS handshake timeout")); });
    if (context_->is_prepared() || !prepare_elsewhere()) begin();
  }

 private:
  /// False if no thread is to be had.
  bool prepare_elsewhere() {
    workers_ = env_.make_waiting_workers(1);
    return workers_->run([context = context_] { (void)context->prepare(); }, [this] { begin(); }).ok();
  }

  void begin() {
    if (!done_) return;  // it has timed out meanwhile
    if (Status status = context_->prepare(); !status.ok()) {
      timer_->start(Duration::zero(), [this, status = std::move(status)] { end(status); });
      return;
    }
    stream_ = std::make_shared<TlsStream>(env_, std::move(below_), *context_);
    stream_->expect_server(server_name_, context_->verify());
    stream_->handshake([this](Status status) {
      if (!status.ok()) return end(std::move(status));
      end(std::unique_ptr<env::Stream>(std::make_unique<OwnedStream>(stream_)));
    });
  }

  void end(Result<std::unique_ptr<env::Stream>> result) {
    if (!done_) return;  // it has timed out already
    timer_->cancel();
    auto done = std::move(done_);
    done(std::move(result));  // may destroy this
  }

  env::Env& env_;
  std::unique_ptr<env::Stream> below_;  // until stream_ has it
  const std::shared_ptr<const Context> context_;
  const std::string server_name_;
  std::shared_ptr<TlsStream> stream_;
  std::unique_ptr<env::Timer> timer_;
  std::unique_ptr<env::Workers> workers_;
  Done done_;
};

}  // namespace

Result<std::shared_ptr<const ClientContext>> ClientContext::create(const Options& options) {
  auto context = std::make_shared<Context>(options);
  const bool names_any = !options.ca_file.empty() || !options.ca_path.empty() || !options.ca_text.empty() ||
                         !options.cert_file.empty() || !options.key_file.empty();
  if (names_any) {
    if (Status status = context->prepare(); !status.ok()) return status;
  }
  return std::shared_ptr<const ClientContext>(std::move(context));
}

std::unique_ptr<Handshake> connect(env::Env& env, std::unique_ptr<env::Stream> stream,
                                   const std::shared_ptr<const ClientContext>& context,
                                   const std::string& server_name, Duration timeout,
                                   UniqueFunction<void(Result<std::unique_ptr<env::Stream>>)> done) {
  auto trusted = std::static_pointer_cast<const Context>(context);  // the one class there is
  return std::make_unique<Shaking>(env, std::move(stream), std::move(trusted), server_name, timeout,
                                   std::move(done));
}

}  // namespace discovery::tls
