#include "apiserver/endpoints/list_body.h"
#include "apiserver/endpoints/list_options.h"
#include "apiserver/request/status.h"
#include "apiserver/storage/cacher/cacher.h"

namespace wherry::apiserver::endpoints {

namespace {

constexpr std::string_view kContinueExpired =
    "The provided continue parameter is too old to display a consistent list result. You can start "
    "a new list without the continue parameter, or use the continue token in this response to "
    "retrieve the remainder of the results. Continuing with the provided token results in an "
    "inconsistent list - objects that were created, modified, or deleted between the time the "
    "first chunk was returned and now may show up in the list.";

// Which revision the list is of; 0 is the newest. Upstream's table:
// https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list
storage::Revision ExactRevision(const ListOptions& options) {
  if (options.revision == 0) return 0;
  bool legacy_exact = options.match == VersionMatch::kUnset && options.limit > 0;
  return options.match == VersionMatch::kExact || legacy_exact ? options.revision : 0;
}

}  // namespace

Reply List(Environment& environment, const Resource& resource, ApiRequest& request) {
  CO_TRY(ListOptions options, ParseListOptions(resource, request));
  storage::Cacher& cacher = environment.store.cacher();
  storage::ObjectListOptions wanted;
  wanted.selection = SelectionOf(resource, request.info.ns, options);
  wanted.limit = options.limit;
  ContinueToken token;
  if (!options.continue_token.empty()) {
    if (!options.resource_version.empty() && options.resource_version != "0") {
      co_return BadRequestError("specifying resource version is not allowed when using continue");
    }
    CO_TRY(token, DecodeContinue(options.continue_token, resource));
    wanted.start_after = token.start_after;
    if (token.revision > 0) wanted.revision = token.revision;
  } else {
    wanted.revision = ExactRevision(options);
    auto reached = WaitForRevision(environment, options.revision);
    CO_TRY_STATUS(co_await std::move(reached));
  }
  if (wanted.revision == cacher.CurrentRevision()) wanted.revision = 0;
  auto listing = cacher.ListObjects(std::move(wanted));
  auto listed = co_await std::move(listing);
  if (!listed.ok()) {
    Error error = std::move(listed).error();
    if (error.reason != Reason::kExpired || options.continue_token.empty()) co_return error;
    ContinueToken inconsistent{.revision = -1, .start_after = token.start_after};
    co_return ExpiredContinueResponse(ExpiredError(kContinueExpired),
                                      EncodeContinue(inconsistent, resource), request.accepted);
  }
  ListView view;
  view.revision = listed->revision;
  if (listed->more) {
    ContinueToken next{.revision = listed->revision, .start_after = listed->items.back()->key()};
    view.continue_token = EncodeContinue(next, resource);
    if (options.SelectsEverything()) view.remaining = listed->remaining;
  }
  view.items = std::move(listed->items);
  co_return ListReply(environment, resource, request, std::move(view));
}

}  // namespace wherry::apiserver::endpoints
