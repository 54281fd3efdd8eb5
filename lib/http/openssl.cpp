#include "lib/http/openssl.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>

namespace wherry::http::openssl {

void Deleter::operator()(bio_st* bio) const { BIO_free(bio); }
void Deleter::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }
void Deleter::operator()(evp_pkey_ctx_st* context) const { EVP_PKEY_CTX_free(context); }
void Deleter::operator()(x509_st* certificate) const { X509_free(certificate); }
void Deleter::operator()(X509_req_st* request) const { X509_REQ_free(request); }

Bio ReadingBio(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string Written(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return size > 0 ? std::string(data, static_cast<size_t>(size)) : std::string();
}

int RefusePassphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) { return -1; }

Result<Key> PrivateKeyFromPem(std::string_view pem) {
  const Bio bio = ReadingBio(pem);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, RefusePassphrase, nullptr));
  if (!key) return OpenSslError("read private key", Reason::kBadRequest);
  return key;
}

Result<Key> PublicKeyFromPem(std::string_view pem) {
  const Bio bio = ReadingBio(pem);
  Key key(PEM_read_bio_PUBKEY(bio.get(), nullptr, RefusePassphrase, nullptr));
  if (!key) return OpenSslError("read public key", Reason::kBadRequest);
  return key;
}

Result<Certificate> CertificateFromPem(std::string_view pem) {
  const Bio bio = ReadingBio(pem);
  Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, RefusePassphrase, nullptr));
  if (!certificate) return OpenSslError("read certificate", Reason::kBadRequest);
  return certificate;
}

Result<std::vector<Certificate>> CertificatesFromPem(std::string_view pem) {
  const Bio bio = ReadingBio(pem);
  std::vector<Certificate> certificates;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, RefusePassphrase, nullptr)) {
    certificates.emplace_back(certificate);
  }
  if (certificates.empty()) return OpenSslError("read certificates", Reason::kBadRequest);
  ERR_clear_error();  // the end of the text counts as an error
  return certificates;
}

Result<std::string> PrivateKeyToPem(evp_pkey_st* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return OpenSslError("write private key");
  }
  return Written(bio);
}

Result<std::string> CertificateToPem(x509_st* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(bio.get(), certificate) != 1) return OpenSslError("write certificate");
  return Written(bio);
}

std::string Sha256(std::string_view bytes) {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), &size,
             EVP_sha256(), nullptr);
  digest.resize(size);
  return digest;
}

std::string Sha256Hex(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string hex;
  for (const char c : Sha256(bytes)) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kHex[byte >> 4];
    hex += kHex[byte & 15];
  }
  return hex;
}

Error OpenSslError(std::string_view doing, Reason reason) {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  std::array<char, 256> text{};
  if (code != 0) ERR_error_string_n(code, text.data(), text.size());
  return MakeError(reason, std::string(doing) + ": " + (code != 0 ? text.data() : "failed"));
}

}  // namespace wherry::http::openssl
