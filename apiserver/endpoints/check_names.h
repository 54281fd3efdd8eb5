#pragma once

#include "lib/base/result.h"

namespace google::protobuf {
class Message;
}

namespace wherry::apiserver {
struct RequestInfo;
}

namespace wherry::apiserver::endpoints {

// A body names the object that the path names; its namespace may be left open. Errors: kBadRequest.
Status CheckNames(const RequestInfo& info, const google::protobuf::Message& object);

// The part that a new object is asked, whose name may come later. Errors: kBadRequest.
Status CheckNamespace(const RequestInfo& info, const google::protobuf::Message& object);

}  // namespace wherry::apiserver::endpoints
