#include "controllers/objects/requests.h"

#include "controllers/objects/pod_state.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "proto/api/meta/v1.pb.h"

#include <algorithm>

namespace wherry::controllers {

bool IsAmbiguous(const Error& error) {
  return error.reason == Reason::kServiceUnavailable || error.reason == Reason::kTimeout;
}

bool HasCause(const Error& error, std::string_view reason) {
  const auto& causes = error.details.causes;
  return std::any_of(causes.begin(), causes.end(),
                     [&](const ErrorCause& cause) { return cause.reason == reason; });
}

Task<Status> DeleteObject(client::ApiClient& client, client::MessagePtr object,
                          client::DeleteOptions options) {
  const auto& meta = api::MetaOf(*object);
  options.uid = meta.uid();
  auto deleted =
      co_await client.Delete(api::KindOf(*object), meta.namespace_(), meta.name(), options);
  if (!deleted.ok() && deleted.error().reason != Reason::kNotFound)
    co_return std::move(deleted).error();
  co_return Ok();
}

Task<Result<bool>> StillExists(client::ApiClient& client, client::MessagePtr object) {
  const auto& meta = api::MetaOf(*object);
  auto live = co_await client.Get(api::KindOf(*object), meta.namespace_(), meta.name());
  if (!live.ok() && live.error().reason == Reason::kNotFound) co_return false;
  if (!live.ok()) co_return std::move(live).error();
  const auto& live_meta = api::MetaOf(**live);
  co_return live_meta.uid() == meta.uid() && !IsBeingDeleted(live_meta);
}

}  // namespace wherry::controllers
