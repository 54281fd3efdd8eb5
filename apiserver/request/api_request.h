#pragma once

#include "apiserver/request/media_type.h"
#include "apiserver/request/request_info.h"
#include "lib/http/message.h"

#include <string>
#include <vector>

namespace wherry::apiserver {

// A request on its way through the filters to an endpoint: what arrived, and what was found out
// about it.
struct ApiRequest {
  http::Request http;
  RequestInfo info;
  Query query;
  Accepted accepted;
  http::UserInfo user;
  // Become "Warning: 299 - ..." headers.
  std::vector<std::string> warnings;
};

}  // namespace wherry::apiserver
