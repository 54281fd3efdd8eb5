#pragma once

#include "apiserver/request/request_info.h"
#include "lib/base/result.h"

#include <string>

namespace wherry::apiserver::endpoints {

// The query of pods/log as the node agent is asked it, without '?' and the container; "" when it
// asks for nothing. Errors: kBadRequest for numbers and times that do not parse; kInvalid with
// upstream's causes for values that mean nothing.
// Source: ValidatePodLogOptions in pkg/apis/core/validation.
Result<std::string> LogQuery(const Query& query);

}  // namespace wherry::apiserver::endpoints
