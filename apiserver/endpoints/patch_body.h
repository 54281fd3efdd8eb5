#pragma once

#include "apiserver/request/api_request.h"
#include "lib/json/json.h"

#include <vector>

namespace wherry::api {
class Schema;
}

namespace wherry::apiserver::endpoints {

// A parsed patch, ready to be applied to whatever the object is by then.
class PatchBody {
 public:
  // Errors: kUnsupportedMediaType for other patch types (server-side apply is not served), and
  // kBadRequest for a body that is no JSON. Any thread.
  static Result<PatchBody> Parse(const ApiRequest& request);

  // Errors: kBadRequest, kInvalid when it does not apply.
  Result<json::Value> Apply(json::Value document, const api::Schema& schema) const;
  const std::vector<json::DuplicateKey>& duplicates() const { return duplicates_; }

 private:
  enum class Type { kJson, kMerge, kStrategicMerge };
  PatchBody(Type type, json::Value patch, std::vector<json::DuplicateKey> duplicates);

  Type type_;
  std::vector<json::DuplicateKey> duplicates_;
  std::shared_ptr<const json::Value> patch_;
};

}  // namespace wherry::apiserver::endpoints
