#pragma once

#include "lib/client/api_client.h"

#include <string>
#include <string_view>

// Where things are below a Kubernetes API server.
namespace wherry::client {

// "/apis/apps/v1/namespaces/default/deployments/web/status". Empty parts are left out; `ns` is
// ignored for cluster-scoped kinds.
std::string ResourcePath(const api::KindInfo& kind, std::string_view ns, std::string_view name = "",
                         std::string_view subresource = "");

// "?limit=500&resourceVersion=7", or "" when no option is set.
std::string ListQuery(const ListOptions& options);
// The same for a watch with bookmarks.
std::string WatchQuery(const ListOptions& options);

}  // namespace wherry::client
