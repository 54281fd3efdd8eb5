#pragma once

#include "apiserver/endpoints/decode.h"

namespace wherry::api::meta::v1 {
class DeleteOptions;
}

namespace wherry::apiserver::endpoints {

struct DeleteParameters {
  registry::DeleteOptions options;
  WriteParameters write;
};

// From the body (metav1.DeleteOptions under any group's apiVersion), or from the query when there
// is none. Errors: kBadRequest, kInvalid, kUnsupportedMediaType.
Result<DeleteParameters> ParseDeleteOptions(ApiRequest& request);
// The same of options that came inside of another object. Errors: kInvalid.
Result<DeleteParameters> CheckedDeleteOptions(const api::meta::v1::DeleteOptions& options);

}  // namespace wherry::apiserver::endpoints
