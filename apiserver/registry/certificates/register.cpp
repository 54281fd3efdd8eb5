#include "apiserver/registry/certificates/register.h"

#include "apiserver/registry/certificates/csr_strategy.h"

namespace wherry::apiserver::registry::certificates {

void Register(KindTable& table) { table.Add(MakeCertificateSigningRequestStrategy()); }

}  // namespace wherry::apiserver::registry::certificates
