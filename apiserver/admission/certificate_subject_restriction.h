#pragma once

#include "apiserver/registry/admitter.h"

#include <memory>

namespace wherry::apiserver::admission {

// Nobody asks for a client certificate in the group system:masters: approving one would hand out
// the cluster. Source: plugin/pkg/admission/certificates/subjectrestriction.
std::unique_ptr<registry::Admitter> MakeCertificateSubjectRestriction();

}  // namespace wherry::apiserver::admission
