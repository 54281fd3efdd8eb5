#include "lib/http/certificates.h"

#include "lib/http/openssl.h"

#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <memory>
#include <utility>

namespace wherry::http {
namespace {

using openssl::OpenSslError;

constexpr std::chrono::minutes kClockSkew{1};
constexpr size_t kSerialBytes = 16;
constexpr int kX509Version3 = 2;

struct NameDeleter {
  void operator()(X509_NAME* name) const { X509_NAME_free(name); }
};
using Name = std::unique_ptr<X509_NAME, NameDeleter>;

struct AltNamesDeleter {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};
using AltNames = std::unique_ptr<GENERAL_NAMES, AltNamesDeleter>;

struct ExtensionsDeleter {
  void operator()(STACK_OF(X509_EXTENSION) * extensions) const {
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  }
};
using Extensions = std::unique_ptr<STACK_OF(X509_EXTENSION), ExtensionsDeleter>;

Result<openssl::Key> MakeKey() {
  openssl::Key key(EVP_EC_gen("P-256"));
  if (!key) return OpenSslError("make key");
  return key;
}

// As UTF8String of any length: names of nodes and users may be longer than the 64 characters of
// X.520, which OpenSSL checks for its MBSTRING types.
Status AddNameEntry(X509_NAME* name, int nid, const std::string& value) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(value.data());
  if (X509_NAME_add_entry_by_NID(name, nid, V_ASN1_UTF8STRING, bytes,
                                 static_cast<int>(value.size()), -1, 0) == 1) {
    return Ok();
  }
  return OpenSslError("put '" + value + "' into a certificate's subject", Reason::kBadRequest);
}

Result<Name> MakeName(const CertificateSubject& subject) {
  Name name(X509_NAME_new());
  for (const std::string& organization : subject.organizations) {
    TRY_STATUS(AddNameEntry(name.get(), NID_organizationName, organization));
  }
  TRY_STATUS(AddNameEntry(name.get(), NID_commonName, subject.common_name));
  return name;
}

std::string EntryText(const X509_NAME_ENTRY* entry) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
  if (size < 0) return "";
  std::string text(reinterpret_cast<const char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  return text;
}

CertificateSubject ReadName(const X509_NAME* name) {
  CertificateSubject subject;
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    const int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    // The last CN counts, as in Go's pkix.Name.
    if (nid == NID_commonName) subject.common_name = EntryText(entry);
    if (nid == NID_organizationName) subject.organizations.push_back(EntryText(entry));
  }
  return subject;
}

Status AddDnsName(GENERAL_NAMES* names, const std::string& dns) {
  ASN1_IA5STRING* text = ASN1_IA5STRING_new();
  ASN1_STRING_set(text, dns.data(), static_cast<int>(dns.size()));
  GENERAL_NAME* name = GENERAL_NAME_new();
  GENERAL_NAME_set0_value(name, GEN_DNS, text);
  sk_GENERAL_NAME_push(names, name);
  return Ok();
}

Status AddIpAddress(GENERAL_NAMES* names, const std::string& ip) {
  std::array<unsigned char, 16> bytes{};
  int size = 4;
  if (inet_pton(AF_INET, ip.c_str(), bytes.data()) != 1) {
    size = 16;
    if (inet_pton(AF_INET6, ip.c_str(), bytes.data()) != 1) {
      return MakeError(Reason::kBadRequest, "certificate for '" + ip + "': not an IP address");
    }
  }
  ASN1_OCTET_STRING* address = ASN1_OCTET_STRING_new();
  ASN1_OCTET_STRING_set(address, bytes.data(), size);
  GENERAL_NAME* name = GENERAL_NAME_new();
  GENERAL_NAME_set0_value(name, GEN_IPADD, address);
  sk_GENERAL_NAME_push(names, name);
  return Ok();
}

// Null when there are no names.
Result<AltNames> MakeAltNames(const std::vector<std::string>& dns_names,
                              const std::vector<std::string>& ip_addresses) {
  if (dns_names.empty() && ip_addresses.empty()) return AltNames();
  AltNames names(sk_GENERAL_NAME_new_null());
  for (const std::string& dns : dns_names) TRY_STATUS(AddDnsName(names.get(), dns));
  for (const std::string& ip : ip_addresses) TRY_STATUS(AddIpAddress(names.get(), ip));
  return names;
}

void ReadAltNames(const GENERAL_NAMES* names, std::vector<std::string>& dns_names,
                  std::vector<std::string>& ip_addresses) {
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    int type = 0;
    const auto* value = static_cast<const ASN1_STRING*>(
        GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type));
    const unsigned char* bytes = ASN1_STRING_get0_data(value);
    const int size = ASN1_STRING_length(value);
    if (type == GEN_DNS) {
      dns_names.emplace_back(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
    } else if (type == GEN_IPADD && (size == 4 || size == 16)) {
      std::array<char, INET6_ADDRSTRLEN> text{};
      inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes, text.data(), text.size());
      ip_addresses.emplace_back(text.data());
    }
  }
}

Status AddExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  if (extension == nullptr) return OpenSslError(std::string("make extension ") + value);
  const int added = X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  if (added != 1) return OpenSslError("add extension");
  return Ok();
}

Status SetSerial(X509* certificate) {
  std::array<unsigned char, kSerialBytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    return OpenSslError("make serial number");
  }
  bytes[0] &= 0x7f;  // positive (RFC 5280 section 4.1.2.2)
  BIGNUM* number = BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
  BN_free(number);
  return Ok();
}

// Version, serial number, validity, key and issuer: what every certificate has.
Result<openssl::Certificate> MakeCertificate(EVP_PKEY* key, const CertificateSubject& subject,
                                             const X509_NAME* issuer, WallTime now,
                                             std::chrono::seconds valid_for) {
  openssl::Certificate certificate(X509_new());
  X509* raw = certificate.get();
  TRY(const Name name, MakeName(subject));
  X509_set_version(raw, kX509Version3);
  TRY_STATUS(SetSerial(raw));
  ASN1_TIME_set(X509_getm_notBefore(raw), std::chrono::system_clock::to_time_t(now - kClockSkew));
  ASN1_TIME_set(X509_getm_notAfter(raw), std::chrono::system_clock::to_time_t(now + valid_for));
  if (X509_set_subject_name(raw, name.get()) != 1 ||
      X509_set_issuer_name(raw, issuer != nullptr ? issuer : name.get()) != 1 ||
      X509_set_pubkey(raw, key) != 1) {
    return OpenSslError("make certificate");
  }
  return certificate;
}

Status Sign(X509* certificate, EVP_PKEY* key) {
  if (X509_sign(certificate, key, EVP_sha256()) == 0) return OpenSslError("sign certificate");
  return Ok();
}

// A certificate over `key`, signed by the CA.
Result<std::string> Issue(const CertifiedKey& ca, EVP_PKEY* key, const CertificateRequest& request,
                          WallTime now) {
  TRY(const openssl::Certificate issuer, openssl::CertificateFromPem(ca.certificate_pem));
  TRY(const openssl::Key issuer_key, openssl::PrivateKeyFromPem(ca.key_pem));
  TRY(const openssl::Certificate certificate,
      MakeCertificate(key, request.subject, X509_get_subject_name(issuer.get()), now,
                      request.valid_for));
  X509* raw = certificate.get();
  TRY_STATUS(AddExtension(raw, issuer.get(), NID_basic_constraints, "critical,CA:FALSE"));
  TRY_STATUS(
      AddExtension(raw, issuer.get(), NID_key_usage, "critical,digitalSignature,keyEncipherment"));
  if (request.server || request.client) {
    const char* usage = request.server && request.client ? "serverAuth,clientAuth"
                        : request.server                 ? "serverAuth"
                                                         : "clientAuth";
    TRY_STATUS(AddExtension(raw, issuer.get(), NID_ext_key_usage, usage));
  }
  TRY_STATUS(AddExtension(raw, issuer.get(), NID_authority_key_identifier, "keyid"));
  TRY(const AltNames names, MakeAltNames(request.dns_names, request.ip_addresses));
  if (names && X509_add1_ext_i2d(raw, NID_subject_alt_name, names.get(), 0, 0) != 1) {
    return OpenSslError("add subject alternative names");
  }
  TRY_STATUS(Sign(raw, issuer_key.get()));
  return openssl::CertificateToPem(raw);
}

Result<openssl::SigningRequest> SigningRequestFromPem(const std::string& csr_pem) {
  const openssl::Bio bio = openssl::ReadingBio(csr_pem);
  openssl::SigningRequest csr(
      PEM_read_bio_X509_REQ(bio.get(), nullptr, openssl::RefusePassphrase, nullptr));
  if (!csr) return OpenSslError("read certificate signing request", Reason::kBadRequest);
  if (X509_REQ_verify(csr.get(), X509_REQ_get0_pubkey(csr.get())) != 1) {
    return OpenSslError("check the signing request's signature", Reason::kBadRequest);
  }
  return csr;
}

WallTime ToWallTime(const ASN1_TIME* time) {
  std::tm utc{};
  ASN1_TIME_to_tm(time, &utc);
  return std::chrono::system_clock::from_time_t(timegm(&utc));
}

}  // namespace

Result<std::string> MakePrivateKey() {
  TRY(const openssl::Key key, MakeKey());
  return openssl::PrivateKeyToPem(key.get());
}

Result<CertifiedKey> MakeCertificateAuthority(const std::string& common_name, WallTime now,
                                              std::chrono::seconds valid_for) {
  TRY(const openssl::Key key, MakeKey());
  TRY(const openssl::Certificate certificate,
      MakeCertificate(key.get(), {common_name, {}}, nullptr, now, valid_for));
  X509* raw = certificate.get();
  TRY_STATUS(AddExtension(raw, raw, NID_basic_constraints, "critical,CA:TRUE"));
  TRY_STATUS(AddExtension(raw, raw, NID_key_usage,
                          "critical,digitalSignature,keyEncipherment,keyCertSign"));
  TRY_STATUS(AddExtension(raw, raw, NID_subject_key_identifier, "hash"));
  TRY_STATUS(Sign(raw, key.get()));
  CertifiedKey ca;
  TRY(ca.certificate_pem, openssl::CertificateToPem(raw));
  TRY(ca.key_pem, openssl::PrivateKeyToPem(key.get()));
  return ca;
}

Result<CertifiedKey> IssueCertificate(const CertifiedKey& ca, const CertificateRequest& request,
                                      WallTime now) {
  TRY(const openssl::Key key, MakeKey());
  CertifiedKey issued;
  TRY(issued.certificate_pem, Issue(ca, key.get(), request, now));
  TRY(issued.key_pem, openssl::PrivateKeyToPem(key.get()));
  return issued;
}

Result<std::string> MakeSigningRequest(const std::string& key_pem,
                                       const CertificateRequest& request) {
  TRY(const openssl::Key key, openssl::PrivateKeyFromPem(key_pem));
  TRY(const Name name, MakeName(request.subject));
  TRY(const AltNames names, MakeAltNames(request.dns_names, request.ip_addresses));
  const openssl::SigningRequest csr(X509_REQ_new());
  X509_REQ* raw = csr.get();
  X509_REQ_set_version(raw, 0);
  X509_REQ_set_subject_name(raw, name.get());
  X509_REQ_set_pubkey(raw, key.get());
  if (names) {
    STACK_OF(X509_EXTENSION)* made = nullptr;
    if (X509V3_add1_i2d(&made, NID_subject_alt_name, names.get(), 0, 0) != 1) {
      return OpenSslError("add subject alternative names");
    }
    const Extensions extensions(made);
    X509_REQ_add_extensions(raw, extensions.get());
  }
  if (X509_REQ_sign(raw, key.get(), EVP_sha256()) == 0) return OpenSslError("sign request");
  const openssl::Bio bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509_REQ(bio.get(), raw) != 1) return OpenSslError("write signing request");
  return openssl::Written(bio);
}

Result<ParsedSigningRequest> ParseSigningRequest(const std::string& csr_pem) {
  TRY(const openssl::SigningRequest csr, SigningRequestFromPem(csr_pem));
  ParsedSigningRequest parsed;
  parsed.subject = ReadName(X509_REQ_get_subject_name(csr.get()));
  const Extensions extensions(X509_REQ_get_extensions(csr.get()));
  const AltNames names(static_cast<GENERAL_NAMES*>(
      X509V3_get_d2i(extensions.get(), NID_subject_alt_name, nullptr, nullptr)));
  if (names) ReadAltNames(names.get(), parsed.dns_names, parsed.ip_addresses);
  return parsed;
}

Result<std::string> SignSigningRequest(const CertifiedKey& ca, const std::string& csr_pem,
                                       const CertificateRequest& request, WallTime now) {
  TRY(const openssl::SigningRequest csr, SigningRequestFromPem(csr_pem));
  return Issue(ca, X509_REQ_get0_pubkey(csr.get()), request, now);
}

Result<ParsedCertificate> ParseCertificate(const std::string& certificate_pem) {
  TRY(const openssl::Certificate certificate, openssl::CertificateFromPem(certificate_pem));
  X509* raw = certificate.get();
  ParsedCertificate parsed;
  parsed.subject = ReadName(X509_get_subject_name(raw));
  parsed.issuer = ReadName(X509_get_issuer_name(raw));
  const AltNames names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(raw, NID_subject_alt_name, nullptr, nullptr)));
  if (names) ReadAltNames(names.get(), parsed.dns_names, parsed.ip_addresses);
  parsed.not_before = ToWallTime(X509_get0_notBefore(raw));
  parsed.not_after = ToWallTime(X509_get0_notAfter(raw));
  parsed.is_ca = X509_check_ca(raw) == 1;
  // Without the extension every use is allowed, and the mask has all bits set.
  const uint32_t usage = X509_get_extended_key_usage(raw);
  parsed.server_auth = (usage & XKU_SSL_SERVER) != 0;
  parsed.client_auth = (usage & XKU_SSL_CLIENT) != 0;
  return parsed;
}

Status VerifyCertificate(const std::string& certificate_pem, const std::string& ca_pem,
                         WallTime now) {
  TRY(const openssl::Certificate certificate, openssl::CertificateFromPem(certificate_pem));
  TRY(const std::vector<openssl::Certificate> cas, openssl::CertificatesFromPem(ca_pem));
  X509_STORE* store = X509_STORE_new();
  for (const openssl::Certificate& ca : cas) X509_STORE_add_cert(store, ca.get());
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, certificate.get(), nullptr);
  X509_STORE_CTX_set_time(context, 0, std::chrono::system_clock::to_time_t(now));
  const bool verified = X509_verify_cert(context) == 1;
  const int why_not = X509_STORE_CTX_get_error(context);
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  if (verified) return Ok();
  return MakeError(Reason::kUnauthorized,
                   std::string("verify certificate: ") + X509_verify_cert_error_string(why_not));
}

Result<std::string> PublicKeyHash(const std::string& certificate_pem) {
  TRY(const openssl::Certificate certificate, openssl::CertificateFromPem(certificate_pem));
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der);
  if (size <= 0) return OpenSslError("encode public key");
  const std::string hash = openssl::Sha256Hex(
      std::string_view(reinterpret_cast<const char*>(der), static_cast<size_t>(size)));
  OPENSSL_free(der);
  return "sha256:" + hash;
}

}  // namespace wherry::http
