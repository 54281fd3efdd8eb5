#pragma once

#include "apiserver/endpoints/endpoint.h"
#include "apiserver/endpoints/table.h"
#include "apiserver/storage/cacher/cached_object.h"

#include <optional>
#include <string>
#include <vector>

namespace wherry::apiserver::endpoints {

// A list before it is encoded.
struct ListView {
  std::vector<storage::ObjectPtr> items;
  storage::Revision revision = 0;
  std::string continue_token;
  std::optional<int64_t> remaining;
};

// The list as the client asked for it. Large ones are streamed in pieces made when the client reads
// them, from the snapshot's shared objects: memory stays that of one piece.
Result<http::Response> ListReply(Environment& environment, const Resource& resource,
                                 const ApiRequest& request, ListView list);

}  // namespace wherry::apiserver::endpoints
