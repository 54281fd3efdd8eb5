#include "cli/keys/stored_certificate.h"

#include <algorithm>

namespace wherry::cli {
namespace {

bool Contains(const std::vector<std::string>& all, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&all](const std::string& name) {
    return std::find(all.begin(), all.end(), name) != all.end();
  });
}

}  // namespace

bool Says(const http::ParsedCertificate& stored, const http::CertificateRequest& wanted) {
  return stored.subject.common_name == wanted.subject.common_name &&
         Contains(stored.subject.organizations, wanted.subject.organizations) &&
         Contains(stored.dns_names, wanted.dns_names) &&
         Contains(stored.ip_addresses, wanted.ip_addresses);
}

bool StillServes(const http::ParsedCertificate& stored, const http::CertificateRequest& wanted,
                 WallTime now) {
  const auto life = stored.not_after - stored.not_before;
  const bool fresh = now >= stored.not_before && stored.not_after - now > life / 3;
  return fresh && Says(stored, wanted);
}

}  // namespace wherry::cli
