#include "cli/keys/pki.h"

#include "cli/files.h"
#include "cli/keys/join_token.h"
#include "cli/keys/stored_certificate.h"
#include "lib/client/kubeconfig.h"

#include <chrono>

namespace wherry::cli {
namespace {

using std::chrono::hours;

constexpr hours kAuthorityLife{24 * 3650};
constexpr hours kCertificateLife{24 * 365};

Result<http::CertifiedKey> ReadCertifiedKey(const std::string& base) {
  TRY(std::string certificate, ReadFile(base + ".crt"));
  TRY(std::string key, ReadFile(base + ".key"));
  return http::CertifiedKey{.certificate_pem = certificate, .key_pem = key};
}

void AddCertifiedKey(FileBatch& files, const std::string& base, const http::CertifiedKey& pair) {
  files.Add(base + ".key", pair.key_pem);
  files.Add(base + ".crt", pair.certificate_pem);
}

http::CertificateRequest ServingRequest(const std::vector<std::string>& dns_names,
                                        const std::vector<std::string>& ip_addresses) {
  return {.subject = {.common_name = "kube-apiserver", .organizations = {}},
          .dns_names = dns_names,
          .ip_addresses = ip_addresses,
          .server = true,
          .valid_for = kCertificateLife};
}

Result<http::CertifiedKey> LoadOrIssueServing(World& world, const http::CertifiedKey& ca,
                                              const std::string& base,
                                              const http::CertificateRequest& request,
                                              FileBatch& files) {
  if (FileExists(base + ".crt")) {
    TRY(http::CertifiedKey pair, ReadCertifiedKey(base));
    TRY(http::ParsedCertificate parsed, http::ParseCertificate(pair.certificate_pem));
    if (StillServes(parsed, request, world.clock.Now())) return pair;
  }
  TRY(http::CertifiedKey pair, http::IssueCertificate(ca, request, world.clock.Now()));
  AddCertifiedKey(files, base, pair);
  return pair;
}

// The file's contents, or what `make` gives, to be written there for the next start.
template <typename Make>
Result<std::string> LoadOrMake(const std::string& path, Make make, FileBatch& files) {
  if (FileExists(path)) return ReadFile(path);
  TRY(std::string contents, make());
  files.Add(path, contents);
  return contents;
}

}  // namespace

Result<Pki> LoadOrCreatePki(World& world, const std::string& data_dir,
                            const std::vector<std::string>& dns_names,
                            const std::vector<std::string>& ip_addresses, FileBatch& files) {
  const std::string directory = data_dir + "/pki";
  TRY_STATUS(MakePrivateDirectory(directory));
  Pki pki;
  if (FileExists(directory + "/ca.crt")) {
    TRY(pki.ca, ReadCertifiedKey(directory + "/ca"));
  } else {
    TRY(pki.ca, http::MakeCertificateAuthority("wherry-ca", world.clock.Now(), kAuthorityLife));
    AddCertifiedKey(files, directory + "/ca", pki.ca);
  }
  TRY(pki.serving, LoadOrIssueServing(world, pki.ca, directory + "/apiserver",
                                      ServingRequest(dns_names, ip_addresses), files));
  TRY(pki.service_account_key_pem,
      LoadOrMake(directory + "/service-account.key", http::MakePrivateKey, files));
  auto make_admin = [&world]() -> Result<std::string> { return RandomText(world.random, 40); };
  TRY(pki.admin_token, LoadOrMake(data_dir + "/admin.token", make_admin, files));
  return pki;
}

Result<http::CertifiedKey> RenewServing(World& world, const http::CertifiedKey& ca,
                                        const std::string& data_dir,
                                        const std::vector<std::string>& dns_names,
                                        const std::vector<std::string>& ip_addresses,
                                        FileBatch& files) {
  TRY(http::CertifiedKey pair,
      http::IssueCertificate(ca, ServingRequest(dns_names, ip_addresses), world.clock.Now()));
  AddCertifiedKey(files, data_dir + "/pki/apiserver", pair);
  return pair;
}

Status AddClientKubeconfig(World& world, const Pki& pki, const std::string& path,
                           const std::string& server, const std::string& user,
                           const std::vector<std::string>& groups, FileBatch& files) {
  const http::CertificateRequest request{.subject = {.common_name = user, .organizations = groups},
                                         .client = true,
                                         .valid_for = kCertificateLife};
  if (auto present = client::LoadKubeconfig(path); present.ok() && present->server == server) {
    auto parsed = http::ParseCertificate(present->tls.certificate_pem);
    if (parsed.ok() && StillServes(*parsed, request, world.clock.Now()) &&
        present->tls.ca_pem == pki.ca.certificate_pem) {
      return Ok();
    }
  }
  TRY(http::CertifiedKey pair, http::IssueCertificate(pki.ca, request, world.clock.Now()));
  client::Kubeconfig config;
  config.server = server;
  config.tls.ca_pem = pki.ca.certificate_pem;
  config.tls.certificate_pem = pair.certificate_pem;
  config.tls.key_pem = pair.key_pem;
  files.Add(path, client::WriteKubeconfig(config, "wherry", user));
  return Ok();
}

}  // namespace wherry::cli
