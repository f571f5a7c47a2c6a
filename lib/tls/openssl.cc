#include "lib/tls/openssl.h"

#include <dlfcn.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace discovery::tls {
namespace {

constexpr const char* kLibrary = "libssl.so.3";  // brings libcrypto.so.3 along
static_assert(OPENSSL_SHLIB_VERSION == 3);

/// What the dynamic linker does not know of, told to packagers and their tools:
/// https://systemd.io/ELF_DLOPEN_METADATA/
struct Note {
  std::uint32_t name_size, text_size, type;
  std::array<char, 4> name;
  std::array<char, 128> text;
};
[[gnu::section(".note.dlopen"), gnu::used]] alignas(4) constexpr Note kNote = {
    4,
    sizeof(Note::text),
    0x407c0c0a,
    {"FDO"},
    {R"([{"soname":["libssl.so.3"],"feature":"tls","description":"TLS","priority":"recommended"}])"}};

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

/// Fills the table; false if a function is missing.
bool find_all(void* library, OpenSsl& api) {
  return find(library, "BIO_ctrl", api.BIO_ctrl) && find(library, "BIO_ctrl_pending", api.BIO_ctrl_pending) &&
         find(library, "BIO_free_all", api.BIO_free_all) && find(library, "BIO_new", api.BIO_new) &&
         find(library, "BIO_new_mem_buf", api.BIO_new_mem_buf) && find(library, "BIO_s_mem", api.BIO_s_mem) &&
         find(library, "BIO_write", api.BIO_write) && find(library, "ERR_clear_error", api.ERR_clear_error) &&
         find(library, "ERR_get_error", api.ERR_get_error) &&
         find(library, "ERR_reason_error_string", api.ERR_reason_error_string) &&
         find(library, "PEM_read_bio_X509", api.PEM_read_bio_X509) &&
         find(library, "SSL_CTX_ctrl", api.SSL_CTX_ctrl) && find(library, "SSL_CTX_free", api.SSL_CTX_free) &&
         find(library, "SSL_CTX_get_cert_store", api.SSL_CTX_get_cert_store) &&
         find(library, "SSL_CTX_load_verify_locations", api.SSL_CTX_load_verify_locations) &&
         find(library, "SSL_CTX_new", api.SSL_CTX_new) &&
         find(library, "SSL_CTX_set_default_passwd_cb", api.SSL_CTX_set_default_passwd_cb) &&
         find(library, "SSL_CTX_set_default_verify_paths", api.SSL_CTX_set_default_verify_paths) &&
         find(library, "SSL_CTX_set_verify", api.SSL_CTX_set_verify) &&
         find(library, "SSL_CTX_use_PrivateKey_file", api.SSL_CTX_use_PrivateKey_file) &&
         find(library, "SSL_CTX_use_certificate_chain_file", api.SSL_CTX_use_certificate_chain_file) &&
         find(library, "SSL_ctrl", api.SSL_ctrl) && find(library, "SSL_do_handshake", api.SSL_do_handshake) &&
         find(library, "SSL_free", api.SSL_free) && find(library, "SSL_get0_param", api.SSL_get0_param) &&
         find(library, "SSL_get_error", api.SSL_get_error) &&
         find(library, "SSL_get_verify_result", api.SSL_get_verify_result) &&
         find(library, "SSL_new", api.SSL_new) && find(library, "SSL_pending", api.SSL_pending) &&
         find(library, "SSL_read_ex", api.SSL_read_ex) && find(library, "SSL_set1_host", api.SSL_set1_host) &&
         find(library, "SSL_set_bio", api.SSL_set_bio) &&
         find(library, "SSL_set_connect_state", api.SSL_set_connect_state) &&
         find(library, "SSL_shutdown", api.SSL_shutdown) && find(library, "SSL_write_ex", api.SSL_write_ex) &&
         find(library, "TLS_client_method", api.TLS_client_method) &&
         find(library, "X509_STORE_add_cert", api.X509_STORE_add_cert) &&
         find(library, "X509_VERIFY_PARAM_set1_ip_asc", api.X509_VERIFY_PARAM_set1_ip_asc) &&
         find(library, "X509_free", api.X509_free) &&
         find(library, "X509_verify_cert_error_string", api.X509_verify_cert_error_string);
}

Status missing() {
  const char* why = ::dlerror();  // NOLINT(concurrency-mt-unsafe): it speaks of this thread
  return {Code::kUnavailable,
          std::string("TLS needs OpenSSL 3, Debian's libssl3: ") + (why == nullptr ? "not found" : why)};
}

}  // namespace

std::string OpenSsl::last_error() const {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  return reason == nullptr ? "the connection was closed" : reason;
}

Result<std::shared_ptr<const OpenSsl>> load_openssl() {
  // It has threads' data and exit handlers, so it is never unloaded.
  void* library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  auto api = std::make_shared<OpenSsl>();
  if (library == nullptr || !find_all(library, *api)) return missing();
  return std::shared_ptr<const OpenSsl>(std::move(api));
}

}  // namespace discovery::tls
