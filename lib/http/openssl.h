#pragma once

#include "lib/base/result.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct bio_st;
struct evp_pkey_st;
struct evp_pkey_ctx_st;
struct x509_st;
struct X509_req_st;

// OpenSSL's objects with owners, and PEM in and out; for this folder's .cpp files.
namespace wherry::http::openssl {

struct Deleter {
  void operator()(bio_st* bio) const;
  void operator()(evp_pkey_st* key) const;
  void operator()(evp_pkey_ctx_st* context) const;
  void operator()(x509_st* certificate) const;
  void operator()(X509_req_st* request) const;
};
using Bio = std::unique_ptr<bio_st, Deleter>;
using Key = std::unique_ptr<evp_pkey_st, Deleter>;
using KeyContext = std::unique_ptr<evp_pkey_ctx_st, Deleter>;
using Certificate = std::unique_ptr<x509_st, Deleter>;
using SigningRequest = std::unique_ptr<X509_req_st, Deleter>;

// A BIO that reads `text`, which must outlive it.
Bio ReadingBio(std::string_view text);
// What was written to a memory BIO.
std::string Written(const Bio& bio);

// What every PEM reader is given as its pass-phrase callback: OpenSSL's own asks on the terminal and
// waits there.
int RefusePassphrase(char* buffer, int size, int writing, void* data);

// Errors: kBadRequest, also for what is encrypted.
Result<Key> PrivateKeyFromPem(std::string_view pem);
Result<Key> PublicKeyFromPem(std::string_view pem);
Result<Certificate> CertificateFromPem(std::string_view pem);
// All of them, at least one.
Result<std::vector<Certificate>> CertificatesFromPem(std::string_view pem);

Result<std::string> PrivateKeyToPem(evp_pkey_st* key);
Result<std::string> CertificateToPem(x509_st* certificate);

// SHA-256, raw and as lower-case hexadecimal text.
std::string Sha256(std::string_view bytes);
std::string Sha256Hex(std::string_view bytes);

// kInternalError: "doing: OpenSSL's newest error"; empties its queue.
Error OpenSslError(std::string_view doing, Reason reason = Reason::kInternalError);

}  // namespace wherry::http::openssl
