#pragma once

#include "apiserver/endpoints/decode.h"

namespace wherry::apiserver::endpoints {

struct DeleteParameters {
  registry::DeleteOptions options;
  WriteParameters write;
};

// From the body (metav1.DeleteOptions under any group's apiVersion), or from the query when there
// is none. Errors: kBadRequest, kInvalid, kUnsupportedMediaType.
Result<DeleteParameters> ParseDeleteOptions(ApiRequest& request);

}  // namespace wherry::apiserver::endpoints
