#include "apiserver/endpoints/list_options.h"
#include "apiserver/request/status.h"

namespace wherry::apiserver::endpoints {

namespace {

// Which revision the list is of; 0 is the newest. Upstream's table:
// https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list
storage::Revision ExactRevision(const ListOptions& options) {
  if (options.revision == 0) return 0;
  bool legacy_exact = options.match == VersionMatch::kUnset && options.limit > 0;
  return options.match == VersionMatch::kExact || legacy_exact ? options.revision : 0;
}

}  // namespace

Task<Result<storage::ObjectList>> ReadPage(Environment& environment, const Resource& resource,
                                           std::string ns, ListOptions options) {
  storage::Cacher& cacher = environment.store.cacher();
  storage::ObjectListOptions wanted;
  wanted.selection = SelectionOf(resource, ns, options);
  wanted.limit = options.limit;
  if (!options.continue_token.empty()) {
    if (!options.resource_version.empty() && options.resource_version != "0") {
      co_return BadRequestError("specifying resource version is not allowed when using continue");
    }
    CO_TRY(ContinueToken token, DecodeContinue(options.continue_token, resource));
    wanted.start_after = token.start_after;
    if (token.revision > 0) wanted.revision = token.revision;
  } else {
    wanted.revision = ExactRevision(options);
    auto reached = WaitForRevision(environment, options.revision);
    CO_TRY_STATUS(co_await std::move(reached));
  }
  if (wanted.revision == cacher.CurrentRevision()) wanted.revision = 0;
  auto listing = cacher.ListObjects(std::move(wanted));
  co_return co_await std::move(listing);
}

std::string ContinueAfter(const storage::ObjectList& page, const Resource& resource) {
  if (!page.more) return "";
  ContinueToken next{.revision = page.revision, .start_after = page.items.back()->key()};
  return EncodeContinue(next, resource);
}

}  // namespace wherry::apiserver::endpoints
