#pragma once

#include "lib/base/result.h"
#include "lib/loop/loop.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

// X.509 in the way Kubernetes uses it: CN is the user name, O the groups. Any thread; CPU only.
namespace wherry::http {

// PEM text. Keys are PKCS#8.
struct CertifiedKey {
  std::string certificate_pem;
  std::string key_pem;
};

struct CertificateSubject {
  std::string common_name;
  std::vector<std::string> organizations;
};

struct CertificateRequest {
  CertificateSubject subject;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  bool server = false;  // extended key usage serverAuth
  bool client = false;  // extended key usage clientAuth
  std::chrono::seconds valid_for{std::chrono::hours(24 * 365)};
};

// A new ECDSA P-256 key.
Result<std::string> MakePrivateKey();

// A new self-signed CA (ECDSA P-256) valid from a minute before `now`.
Result<CertifiedKey> MakeCertificateAuthority(const std::string& common_name, WallTime now,
                                              std::chrono::seconds valid_for);
// A new key and a certificate over it. Errors: kBadRequest when the CA's PEM or an address does not
// parse.
Result<CertifiedKey> IssueCertificate(const CertifiedKey& ca, const CertificateRequest& request,
                                      WallTime now);

// A CSR (PKCS#10, PEM) signed with `key_pem`, asking for the subject and names in `request`.
Result<std::string> MakeSigningRequest(const std::string& key_pem,
                                       const CertificateRequest& request);

struct ParsedSigningRequest {
  CertificateSubject subject;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
};
// Errors: kBadRequest when it does not parse or its signature does not match its key.
Result<ParsedSigningRequest> ParseSigningRequest(const std::string& csr_pem);
// A certificate over the CSR's key. Subject and names come from `request`, not from the CSR: copy
// what was approved.
Result<std::string> SignSigningRequest(const CertifiedKey& ca, const std::string& csr_pem,
                                       const CertificateRequest& request, WallTime now);

struct ParsedCertificate {
  CertificateSubject subject;
  CertificateSubject issuer;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  WallTime not_before;
  WallTime not_after;
  bool is_ca = false;
  bool server_auth = false;
  bool client_auth = false;
};
// The first certificate in the PEM text. Errors: kBadRequest.
Result<ParsedCertificate> ParseCertificate(const std::string& certificate_pem);
// Whether one of `ca_pem`'s certificates signed the first of `certificate_pem`, and both are valid
// at `now`. Errors: kUnauthorized, saying why not; kBadRequest when the PEM does not parse.
Status VerifyCertificate(const std::string& certificate_pem, const std::string& ca_pem,
                         WallTime now);

// "sha256:<hex>" of the subject public key info of the first certificate: kubeadm's
// discovery-token-ca-cert-hash.
Result<std::string> PublicKeyHash(const std::string& certificate_pem);

}  // namespace wherry::http
