#include "apiserver/endpoints/check_names.h"

#include "apiserver/request/request_info.h"
#include "apiserver/request/status.h"
#include "lib/api/object_meta.h"
#include "proto/api/meta/v1.pb.h"

namespace wherry::apiserver::endpoints {

Status CheckNames(const RequestInfo& info, const google::protobuf::Message& object) {
  const auto& metadata = api::MetaOf(object);
  if (metadata.name().empty()) {
    return BadRequestError("the name of the object (" + info.name +
                           " based on URL) was undeterminable: name must be provided");
  }
  if (metadata.name() != info.name) {
    return BadRequestError("the name of the object (" + metadata.name() +
                           ") does not match the name on the URL (" + info.name + ")");
  }
  bool other_namespace = !metadata.namespace_().empty() && metadata.namespace_() != info.ns;
  if (info.ns.empty() || !other_namespace) return Ok();
  return BadRequestError("the namespace of the object (" + metadata.namespace_() +
                         ") does not match the namespace on the request (" + info.ns + ")");
}

Status CheckNamespace(const RequestInfo& info, const google::protobuf::Message& object) {
  const std::string& given = api::MetaOf(object).namespace_();
  if (given.empty() || given == info.ns) return Ok();
  return BadRequestError(
      "the namespace of the provided object does not match the namespace sent on the request");
}

}  // namespace wherry::apiserver::endpoints
