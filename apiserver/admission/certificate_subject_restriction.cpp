#include "apiserver/admission/certificate_subject_restriction.h"

#include "apiserver/request/status.h"
#include "lib/api/kind_registry.h"
#include "lib/http/certificates.h"
#include "proto/api/certificates/v1.pb.h"
#include "proto/api/meta/v1.pb.h"

#include <algorithm>

namespace wherry::apiserver::admission {
namespace {

using Csr = api::certificates::v1::CertificateSigningRequest;

constexpr std::string_view kSigner = "kubernetes.io/kube-apiserver-client";
constexpr std::string_view kMasters = "system:masters";

class CertificateSubjectRestriction : public registry::Admitter {
 public:
  Status Admit(const registry::Context&, const api::KindInfo& kind, registry::Message& object,
               const registry::Message*) const override {
    if (kind.descriptor != Csr::descriptor()) return Ok();
    const auto& csr = registry::Typed<Csr>(object);
    if (csr.spec().signername() != kSigner) return Ok();
    const auto forbid = [&csr](std::string_view why) {
      return ForbiddenError({"certificates.k8s.io", "certificatesigningrequests"},
                            csr.metadata().name(), why);
    };
    const auto parsed = http::ParseSigningRequest(csr.spec().request());
    if (!parsed.ok()) return forbid("failed to parse CSR: " + parsed.error().message);
    const auto& groups = parsed->subject.organizations;
    if (std::find(groups.begin(), groups.end(), kMasters) == groups.end()) return Ok();
    return forbid(
        "use of kubernetes.io/kube-apiserver-client signer with system:masters group is "
        "not allowed");
  }
};

}  // namespace

std::unique_ptr<registry::Admitter> MakeCertificateSubjectRestriction() {
  return std::make_unique<CertificateSubjectRestriction>();
}

}  // namespace wherry::apiserver::admission
