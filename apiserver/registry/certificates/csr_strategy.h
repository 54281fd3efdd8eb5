#pragma once

#include "apiserver/registry/strategy.h"

#include <memory>

namespace wherry::apiserver::registry::certificates {

std::unique_ptr<Strategy> MakeCertificateSigningRequestStrategy();

}  // namespace wherry::apiserver::registry::certificates
