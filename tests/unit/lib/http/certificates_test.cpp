#include "lib/http/certificates.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

namespace wherry::http {
namespace {

using std::chrono::hours;

const WallTime kNow{std::chrono::seconds(1'800'000'000)};

CertifiedKey MakeCa(const std::string& name = "kubernetes") {
  return *MakeCertificateAuthority(name, kNow, hours(24 * 3650));
}

TEST(CertificatesTest, AuthorityIsSelfSignedAndSaysSo) {
  const auto parsed = ParseCertificate(MakeCa().certificate_pem);
  ASSERT_TRUE(parsed.ok());
  EXPECT_TRUE(parsed->is_ca);
  EXPECT_EQ(parsed->subject.common_name, "kubernetes");
  EXPECT_EQ(parsed->issuer.common_name, "kubernetes");
  EXPECT_LT(parsed->not_before, kNow);
  EXPECT_EQ(parsed->not_after, kNow + hours(24 * 3650));
}

TEST(CertificatesTest, IssuedCertificateCarriesWhatWasAskedFor) {
  const CertifiedKey ca = MakeCa();
  const CertificateRequest request{
      .subject = {"system:node:n1", {"system:nodes", "extra"}},
      .dns_names = {"kubernetes.default.svc", "n1"},
      .ip_addresses = {"10.0.0.1", "fd00::1"},
      .server = true,
      .valid_for = hours(1),
  };
  const auto issued = IssueCertificate(ca, request, kNow);
  ASSERT_TRUE(issued.ok());
  const auto parsed = ParseCertificate(issued->certificate_pem);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->subject.common_name, "system:node:n1");
  EXPECT_EQ(parsed->subject.organizations, request.subject.organizations);
  EXPECT_EQ(parsed->issuer.common_name, "kubernetes");
  EXPECT_EQ(parsed->dns_names, request.dns_names);
  EXPECT_EQ(parsed->ip_addresses, request.ip_addresses);
  EXPECT_TRUE(parsed->server_auth);
  EXPECT_FALSE(parsed->client_auth);
  EXPECT_FALSE(parsed->is_ca);
  EXPECT_EQ(parsed->not_after, kNow + hours(1));
}

TEST(CertificatesTest, VerificationKnowsItsOwnCaAndTheTime) {
  const CertifiedKey ca = MakeCa();
  const CertifiedKey other = MakeCa("other");
  const CertificateRequest request{.subject = {"admin", {}}, .client = true, .valid_for = hours(1)};
  const auto issued = IssueCertificate(ca, request, kNow);
  ASSERT_TRUE(issued.ok());
  const std::string& pem = issued->certificate_pem;
  EXPECT_TRUE(VerifyCertificate(pem, ca.certificate_pem, kNow).ok());
  EXPECT_TRUE(VerifyCertificate(pem, other.certificate_pem + ca.certificate_pem, kNow).ok());
  const Status by_other = VerifyCertificate(pem, other.certificate_pem, kNow);
  EXPECT_EQ(by_other.error().reason, Reason::kUnauthorized);
  EXPECT_FALSE(VerifyCertificate(pem, ca.certificate_pem, kNow + hours(2)).ok());
  EXPECT_FALSE(VerifyCertificate(pem, ca.certificate_pem, kNow - hours(2)).ok());
}

TEST(CertificatesTest, SigningRequestIsSignedOverItsOwnKey) {
  const CertifiedKey ca = MakeCa();
  const std::string key = *MakePrivateKey();
  const CertificateRequest wanted{
      .subject = {"system:node:n2", {"system:nodes"}},
      .dns_names = {"n2"},
      .ip_addresses = {"10.0.0.2"},
      .client = true,
  };
  const auto csr = MakeSigningRequest(key, wanted);
  ASSERT_TRUE(csr.ok());
  const auto parsed = ParseSigningRequest(*csr);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->subject.common_name, "system:node:n2");
  EXPECT_EQ(parsed->subject.organizations, std::vector<std::string>{"system:nodes"});
  EXPECT_EQ(parsed->dns_names, wanted.dns_names);
  EXPECT_EQ(parsed->ip_addresses, wanted.ip_addresses);

  const auto certificate = SignSigningRequest(ca, *csr, wanted, kNow);
  ASSERT_TRUE(certificate.ok());
  EXPECT_TRUE(VerifyCertificate(*certificate, ca.certificate_pem, kNow).ok());
  const auto issued = ParseCertificate(*certificate);
  EXPECT_TRUE(issued->client_auth);
  EXPECT_EQ(issued->subject.common_name, "system:node:n2");
}

TEST(CertificatesTest, NamesMayBeAsLongAsThoseOfNodes) {
  const std::string name = "system:node:" + std::string(253, 'n');
  const CertificateRequest wanted{.subject = {name, {std::string(100, 'o')}}, .client = true};
  const auto csr = MakeSigningRequest(*MakePrivateKey(), wanted);
  ASSERT_TRUE(csr.ok()) << csr.error().message;
  const auto certificate = SignSigningRequest(MakeCa(), *csr, wanted, kNow);
  ASSERT_TRUE(certificate.ok());
  EXPECT_EQ(ParseCertificate(*certificate)->subject.common_name, name);
}

// On a terminal OpenSSL would ask for the pass phrase and wait.
TEST(CertificatesTest, EncryptedPemIsRefusedAndAsksNobody) {
  std::string csr = *MakeSigningRequest(*MakePrivateKey(), {.subject = {"x", {}}});
  csr.insert(csr.find('\n') + 1,
             "Proc-Type: 4,ENCRYPTED\n"
             "DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n");
  int terminal = -1;
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::alarm(10);
    ::_exit(ParseSigningRequest(csr).ok() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ::close(terminal);
  EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(CertificatesTest, BrokenInputIsRefused) {
  EXPECT_EQ(ParseCertificate("nonsense").error().reason, Reason::kBadRequest);
  EXPECT_EQ(ParseSigningRequest("nonsense").error().reason, Reason::kBadRequest);
  const CertificateRequest bad_ip{.subject = {"x", {}}, .ip_addresses = {"10.0.0.300"}};
  EXPECT_EQ(IssueCertificate(MakeCa(), bad_ip, kNow).error().reason, Reason::kBadRequest);
  std::string csr = *MakeSigningRequest(*MakePrivateKey(), {.subject = {"x", {}}});
  // A changed byte in the middle spoils either the structure or the signature.
  csr[csr.size() / 2] = csr[csr.size() / 2] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(ParseSigningRequest(csr).ok());
}

TEST(CertificatesTest, PublicKeyHashMatchesOpenssl) {
  // openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | sha256sum of this certificate.
  const std::string certificate =
      "-----BEGIN CERTIFICATE-----\n"
      "MIIBfjCCASWgAwIBAgIUeWsoPJ707KZSbTQ5AHEtcnmIMXowCgYIKoZIzj0EAwIw\n"
      "FDESMBAGA1UEAwwJaGFzaC10ZXN0MCAXDTI2MTEyMjE2MDA0OVoYDzIxMjYxMDI5\n"
      "MTYwMDQ5WjAUMRIwEAYDVQQDDAloYXNoLXRlc3QwWTATBgcqhkjOPQIBBggqhkjO\n"
      "PQMBBwNCAARyZlq6ojPnNn3DAi5/GAmoYaLTsGG1ZVDZYnn1HwLWTX1fTWfq5E4g\n"
      "luLE7B6Z+PO3fG7jH/A7kwR168hxpD6ao1MwUTAdBgNVHQ4EFgQUleO2RB6Yjj6l\n"
      "sASnSl5chINjoBQwHwYDVR0jBBgwFoAUleO2RB6Yjj6lsASnSl5chINjoBQwDwYD\n"
      "VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiAz4S441FweERdej1GgVaTM\n"
      "N4tWelTfZCaYuaYqd1+J1gIgQgULdCAuaHx7Dg29w3JYARDA4AywYe+/WowKQ7r+\n"
      "HVA=\n"
      "-----END CERTIFICATE-----\n";
  EXPECT_EQ(*PublicKeyHash(certificate),
            "sha256:a837272169e1a7ec12c86500782f44f6cb293a22709770c7a8550fe835413259");
}

}  // namespace
}  // namespace wherry::http
