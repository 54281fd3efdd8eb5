#include "lib/http/client_context.h"

#include "lib/http/openssl.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <vector>

namespace wherry::http {
namespace {

Status Trust(SSL_CTX* context, const std::string& ca_pem) {
  if (ca_pem.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) == 1) return Ok();
    return openssl::OpenSslError("load the system's CAs", Reason::kBadRequest);
  }
  TRY(const std::vector<openssl::Certificate> cas, openssl::CertificatesFromPem(ca_pem));
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const openssl::Certificate& ca : cas) {
    if (X509_STORE_add_cert(store, ca.get()) != 1) {
      return openssl::OpenSslError("use CA", Reason::kBadRequest);
    }
  }
  return Ok();
}

Status Check(SSL_CTX* context, const TlsClientConfig& config, const std::string& host) {
  TRY_STATUS(Trust(context, config.ca_pem));
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  X509_VERIFY_PARAM* wanted = SSL_CTX_get0_param(context);
  const bool named = !config.server_name.empty();
  const int set = named ? X509_VERIFY_PARAM_set1_host(wanted, config.server_name.c_str(), 0)
                        : X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str());
  if (set != 1) return openssl::OpenSslError("check the name of '" + host + "'");
  return Ok();
}

Status Show(SSL_CTX* context, const TlsClientConfig& config) {
  TRY(const std::vector<openssl::Certificate> chain,
      openssl::CertificatesFromPem(config.certificate_pem));
  TRY(const openssl::Key key, openssl::PrivateKeyFromPem(config.key_pem));
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    return openssl::OpenSslError("use client certificate", Reason::kBadRequest);
  }
  for (size_t i = 1; i < chain.size(); ++i) SSL_CTX_add1_chain_cert(context, chain[i].get());
  return Ok();
}

}  // namespace

Result<TlsContext> MakeClientContext(const TlsClientConfig& config, const std::string& host) {
  TlsContext context(SSL_CTX_new(TLS_client_method()));
  if (!context) return openssl::OpenSslError("make TLS context");
  SSL_CTX* raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(
      raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // A write that is tried again may come from elsewhere.
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!config.insecure) TRY_STATUS(Check(raw, config, host));
  if (!config.certificate_pem.empty()) TRY_STATUS(Show(raw, config));
  return context;
}

}  // namespace wherry::http
