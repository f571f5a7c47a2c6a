#pragma once

/// \file
/// A TLS server for tests: OpenSSL's own, above a stream, with a certificate that was made a moment ago.

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "lib/env/env.h"

namespace discovery::tls {

/// A key, and a certificate for one host name that it has signed itself.
class TestIdentity {
 public:
  explicit TestIdentity(const std::string& host) : key_(EVP_EC_gen("P-256")), certificate_(X509_new()) {
    X509_set_version(certificate_, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate_), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate_), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate_), 3600);
    X509_set_pubkey(certificate_, key_);
    X509_NAME* name = X509_get_subject_name(certificate_);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1,
                               -1, 0);
    X509_set_issuer_name(certificate_, name);
    const std::string names = "DNS:" + host;
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(certificate_, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(certificate_, key_, EVP_sha256());
  }
  ~TestIdentity() {
    X509_free(certificate_);
    EVP_PKEY_free(key_);
  }
  TestIdentity(const TestIdentity&) = delete;
  TestIdentity& operator=(const TestIdentity&) = delete;

  std::string pem() const {
    return text_of([this](BIO* bio) { PEM_write_bio_X509(bio, certificate_); });
  }
  /// The key; encrypted, if there is a passphrase.
  std::string key_pem(std::string passphrase = {}) const {
    return text_of([&](BIO* bio) {
      PEM_write_bio_PrivateKey(bio, key_, passphrase.empty() ? nullptr : EVP_aes_128_cbc(), nullptr, 0,
                               nullptr, passphrase.empty() ? nullptr : passphrase.data());
    });
  }
  /// From now on servers with this identity demand of each client that it is `client`.
  void demand(const TestIdentity& client) { demanded_ = client.certificate_; }
  SSL_CTX* make_context() const {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(context, certificate_);
    SSL_CTX_use_PrivateKey(context, key_);
    if (demanded_ != nullptr) {
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context), demanded_);
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    return context;
  }

 private:
  template <class Write>
  static std::string text_of(Write write) {
    BIO* bio = BIO_new(BIO_s_mem());
    write(bio);
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(bio, &bytes);
    std::string text(bytes, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
  }

  EVP_PKEY* key_;
  X509* certificate_;
  X509* demanded_ = nullptr;
};

/// Shakes hands on a stream, and then sends back all that it gets, or what `answer` makes of it.
class TestServer {
 public:
  using Answer = std::function<std::string(std::string_view)>;

  TestServer(env::Stream& stream, const TestIdentity& identity, Answer answer = {})
      : stream_(stream),
        answer_(std::move(answer)),
        context_(identity.make_context()),
        ssl_(SSL_new(context_)) {
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(ssl_);
    read();
  }
  ~TestServer() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  /// The host name that the client asked for, and whether it has ended in order.
  std::string asked_for() const {
    const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? "" : name;
  }
  bool ended() const noexcept { return ended_; }
  const std::string& received() const noexcept { return received_; }

 private:
  void read() {
    stream_.read_some(buffer_, [this](const Result<std::size_t>& size) {
      if (!size.ok() || *size == 0) return;
      BIO_write(SSL_get_rbio(ssl_), buffer_.data(), static_cast<int>(*size));
      step();
      read();
    });
  }
  void step() {
    if (SSL_is_init_finished(ssl_) == 0) SSL_do_handshake(ssl_);
    std::array<char, 4096> text;
    std::size_t got = 0;
    while (SSL_is_init_finished(ssl_) != 0 && SSL_read_ex(ssl_, text.data(), text.size(), &got) == 1) {
      received_.append(text.data(), got);
      std::size_t written = 0;
      const std::string_view said(text.data(), got);
      const std::string reply = answer_ ? answer_(said) : std::string(said);
      SSL_write_ex(ssl_, reply.data(), reply.size(), &written);
    }
    if ((SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0 && !ended_) {
      ended_ = true;
      SSL_shutdown(ssl_);
    }
    send();
  }
  void send() {
    if (sending_) return;
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(ssl_), &bytes);
    if (size <= 0) return;
    out_.assign(bytes, static_cast<std::size_t>(size));
    BIO_reset(SSL_get_wbio(ssl_));
    sending_ = true;
    const std::array<std::string_view, 1> pieces = {out_};
    stream_.write(pieces, [this](const Status&) {
      sending_ = false;
      send();
    });
  }

  env::Stream& stream_;
  const Answer answer_;
  SSL_CTX* context_;
  SSL* ssl_;
  std::array<char, 4096> buffer_{};
  std::string out_;
  std::string received_;
  bool sending_ = false;
  bool ended_ = false;
};

}  // namespace discovery::tls
