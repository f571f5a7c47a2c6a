#pragma once

/// \file
/// OpenSSL as it is used here. Its libraries are compiled against, but not linked: they are loaded when TLS
/// is first needed, since loading them alone costs 3 MB and 3 ms, and most agents speak no TLS.

#include <memory>
#include <string>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <discovery/status.h>

namespace discovery::tls {

/// The functions that are called, each with its own name and type. What OpenSSL has as a macro is called as
/// what the macro stands for. Threads: safe.
// NOLINTBEGIN(readability-identifier-naming)
struct OpenSsl {
  decltype(&::BIO_ctrl) BIO_ctrl;
  decltype(&::BIO_ctrl_pending) BIO_ctrl_pending;
  decltype(&::BIO_free_all) BIO_free_all;
  decltype(&::BIO_new) BIO_new;
  decltype(&::BIO_new_mem_buf) BIO_new_mem_buf;
  decltype(&::BIO_s_mem) BIO_s_mem;
  decltype(&::BIO_write) BIO_write;
  decltype(&::ERR_clear_error) ERR_clear_error;
  decltype(&::ERR_get_error) ERR_get_error;
  decltype(&::ERR_reason_error_string) ERR_reason_error_string;
  decltype(&::PEM_read_bio_X509) PEM_read_bio_X509;
  decltype(&::SSL_CTX_ctrl) SSL_CTX_ctrl;
  decltype(&::SSL_CTX_free) SSL_CTX_free;
  decltype(&::SSL_CTX_get_cert_store) SSL_CTX_get_cert_store;
  decltype(&::SSL_CTX_load_verify_locations) SSL_CTX_load_verify_locations;
  decltype(&::SSL_CTX_new) SSL_CTX_new;
  decltype(&::SSL_CTX_set_default_passwd_cb) SSL_CTX_set_default_passwd_cb;
  decltype(&::SSL_CTX_set_default_verify_paths) SSL_CTX_set_default_verify_paths;
  decltype(&::SSL_CTX_set_verify) SSL_CTX_set_verify;
  decltype(&::SSL_CTX_use_PrivateKey_file) SSL_CTX_use_PrivateKey_file;
  decltype(&::SSL_CTX_use_certificate_chain_file) SSL_CTX_use_certificate_chain_file;
  decltype(&::SSL_ctrl) SSL_ctrl;
  decltype(&::SSL_do_handshake) SSL_do_handshake;
  decltype(&::SSL_free) SSL_free;
  decltype(&::SSL_get0_param) SSL_get0_param;
  decltype(&::SSL_get_error) SSL_get_error;
  decltype(&::SSL_get_verify_result) SSL_get_verify_result;
  decltype(&::SSL_new) SSL_new;
  decltype(&::SSL_pending) SSL_pending;
  decltype(&::SSL_read_ex) SSL_read_ex;
  decltype(&::SSL_set1_host) SSL_set1_host;
  decltype(&::SSL_set_bio) SSL_set_bio;
  decltype(&::SSL_set_connect_state) SSL_set_connect_state;
  decltype(&::SSL_shutdown) SSL_shutdown;
  decltype(&::SSL_write_ex) SSL_write_ex;
  decltype(&::TLS_client_method) TLS_client_method;
  decltype(&::X509_STORE_add_cert) X509_STORE_add_cert;
  decltype(&::X509_VERIFY_PARAM_set1_ip_asc) X509_VERIFY_PARAM_set1_ip_asc;
  decltype(&::X509_free) X509_free;
  decltype(&::X509_verify_cert_error_string) X509_verify_cert_error_string;

  /// What OpenSSL has to say of the last failure on this thread; its queue is empty then.
  std::string last_error() const;
};
// NOLINTEND(readability-identifier-naming)

/// Loads the libraries, which then stay until the process ends. kUnavailable if they are not installed.
/// Blocks: reads them, the first time. Threads: safe.
Result<std::shared_ptr<const OpenSsl>> load_openssl();

}  // namespace discovery::tls
