#include "lib/http/tls_context.h"

#include "lib/http/openssl.h"

#include <openssl/ssl.h>

#include <string_view>

namespace wherry::http {
namespace {

constexpr std::string_view kAlpnHttp11 = "\x08http/1.1";
constexpr std::string_view kSessionContext = "wherry";

int SelectAlpn(SSL* /*ssl*/, const unsigned char** out, unsigned char* out_size,
               const unsigned char* offered, unsigned int offered_size, void* /*unused*/) {
  // A peer that offers something else only is answered without ALPN, in HTTP/1.1.
  unsigned char* selected = nullptr;
  const auto* ours = reinterpret_cast<const unsigned char*>(kAlpnHttp11.data());
  const int found = SSL_select_next_proto(
      &selected, out_size, ours, static_cast<unsigned>(kAlpnHttp11.size()), offered, offered_size);
  if (found != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_NOACK;
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

// The verdict is read after the handshake; a bad certificate only does not count.
int AcceptAnyCertificate(int /*verified*/, X509_STORE_CTX* /*store*/) { return 1; }

Status UseCertificate(SSL_CTX* context, const TlsServerConfig& config) {
  TRY(const std::vector<openssl::Certificate> chain,
      openssl::CertificatesFromPem(config.certificate_pem));
  TRY(const openssl::Key key, openssl::PrivateKeyFromPem(config.key_pem));
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1) {
    return openssl::OpenSslError("use certificate", Reason::kBadRequest);
  }
  for (size_t i = 1; i < chain.size(); ++i) SSL_CTX_add1_chain_cert(context, chain[i].get());
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return openssl::OpenSslError("use private key", Reason::kBadRequest);
  }
  return Ok();
}

Status AskForClientCertificates(SSL_CTX* context, const std::string& ca_pem) {
  TRY(const std::vector<openssl::Certificate> cas, openssl::CertificatesFromPem(ca_pem));
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const openssl::Certificate& ca : cas) {
    if (X509_STORE_add_cert(store, ca.get()) != 1 ||
        SSL_CTX_add_client_CA(context, ca.get()) != 1) {
      return openssl::OpenSslError("use client CA", Reason::kBadRequest);
    }
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, AcceptAnyCertificate);
  return Ok();
}

}  // namespace

void TlsContextDeleter::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

Result<TlsContext> MakeServerContext(const TlsServerConfig& config) {
  TlsContext context(SSL_CTX_new(TLS_server_method()));
  if (!context) return openssl::OpenSslError("make TLS context");
  SSL_CTX* raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // Idle connections give their buffers back; a write that is tried again may come from elsewhere.
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // One system call reads header and content of a record.
  SSL_CTX_set_read_ahead(raw, 1);
  // The order of Go's servers: the shorter key is the faster one, and strong enough.
  SSL_CTX_set_ciphersuites(
      raw, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
  SSL_CTX_set_num_tickets(raw, 1);
  SSL_CTX_set_session_id_context(raw,
                                 reinterpret_cast<const unsigned char*>(kSessionContext.data()),
                                 static_cast<unsigned>(kSessionContext.size()));
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);  // tickets carry the state
  SSL_CTX_set_alpn_select_cb(raw, SelectAlpn, nullptr);
  TRY_STATUS(UseCertificate(raw, config));
  if (!config.client_ca_pem.empty()) {
    TRY_STATUS(AskForClientCertificates(raw, config.client_ca_pem));
  }
  return context;
}

}  // namespace wherry::http
