#pragma once

#include "lib/client/api_client.h"

#include <string>
#include <string_view>

namespace wherry::api::meta::v1 {
class Status;
}

// What servers answer, made into objects and errors.
namespace wherry::client {

// The reason, message and details of a metav1.Status; 410 is always kExpired.
Error ErrorFromStatus(const api::meta::v1::Status& status);
// The error in a reply of 400 and above, whatever its body is.
Error ErrorFromResponse(const http::Response& response, std::string_view body);

// The body bytes of `response`: a list's stream is read to its end.
Task<Result<std::string>> ReadBody(http::Response response);

// An object of `kind` from a protobuf or JSON body. Errors: kInternalError when the reply is
// something else.
Result<MessagePtr> DecodeObject(const api::KindInfo& kind, std::string_view body);
Result<ObjectList> DecodeList(const api::KindInfo& kind, std::string_view body);
// The items of a list that is shared with others: they keep it alive.
ObjectList ItemsOfShared(const MessagePtr& list);

}  // namespace wherry::client
