#pragma once

#include "apiserver/endpoints/endpoint.h"
#include "apiserver/storage/cacher/cacher.h"
#include "apiserver/storage/cacher/object_watcher.h"
#include "lib/api/fields.h"
#include "lib/api/labels.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wherry::apiserver::endpoints {

enum class VersionMatch { kUnset, kExact, kNotOlderThan };

// The query of a list, watch or deletecollection, checked.
// Source: apimachinery pkg/apis/internalversion/validation.
struct ListOptions {
  api::Selector labels;
  api::FieldSelector fields;
  std::string resource_version;  // as given
  storage::Revision revision = 0;
  VersionMatch match = VersionMatch::kUnset;
  int64_t limit = 0;
  std::string continue_token;
  std::optional<int64_t> timeout_seconds;
  bool watch = false;
  bool allow_bookmarks = false;
  std::optional<bool> send_initial_events;

  bool SelectsEverything() const {
    return labels.MatchesEverything() && fields.MatchesEverything();
  }
};
// Errors: kBadRequest, kInvalid.
Result<ListOptions> ParseListOptions(const Resource& resource, const ApiRequest& request);

// The part of the cacher that the options select in a namespace ("": all).
storage::Selection SelectionOf(const Resource& resource, std::string_view ns,
                               const ListOptions& options);

// What the options ask for, as list and deletecollection read it: the page at their continue token
// or their revision. Errors: kBadRequest, kTimeout for a revision that does not come, kExpired.
Task<Result<storage::ObjectList>> ReadPage(Environment& environment, const Resource& resource,
                                           std::string ns, ListOptions options);
// The token for what comes after this page; "" when there is nothing more.
std::string ContinueAfter(const storage::ObjectList& page, const Resource& resource);

// Errors: kBadRequest.
Result<storage::Revision> ParseResourceVersion(std::string_view text);
// Errors: kTimeout "Too large resource version" when it is not reached within three seconds.
Task<Status> WaitForRevision(Environment& environment, storage::Revision revision);

// Where a limited list goes on: opaque to clients, readable for people.
struct ContinueToken {
  storage::Revision revision = 0;  // -1: whatever is newest
  storage::Key start_after;        // below the resource's prefix
};
std::string EncodeContinue(const ContinueToken& token, const Resource& resource);
// Errors: kBadRequest.
Result<ContinueToken> DecodeContinue(std::string_view text, const Resource& resource);

}  // namespace wherry::apiserver::endpoints
