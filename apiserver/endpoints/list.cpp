#include "apiserver/endpoints/list_body.h"
#include "apiserver/endpoints/list_options.h"
#include "apiserver/request/status.h"

namespace wherry::apiserver::endpoints {

namespace {

constexpr std::string_view kContinueExpired =
    "The provided continue parameter is too old to display a consistent list result. You can start "
    "a new list without the continue parameter, or use the continue token in this response to "
    "retrieve the remainder of the results. Continuing with the provided token results in an "
    "inconsistent list - objects that were created, modified, or deleted between the time the "
    "first chunk was returned and now may show up in the list.";

}  // namespace

Reply List(Environment& environment, const Resource& resource, ApiRequest& request) {
  CO_TRY(ListOptions options, ParseListOptions(resource, request));
  auto reading = ReadPage(environment, resource, request.info.ns, options);
  auto listed = co_await std::move(reading);
  if (!listed.ok()) {
    Error error = std::move(listed).error();
    if (error.reason != Reason::kExpired || options.continue_token.empty()) co_return error;
    CO_TRY(ContinueToken token, DecodeContinue(options.continue_token, resource));
    ContinueToken inconsistent{.revision = -1, .start_after = token.start_after};
    co_return ExpiredContinueResponse(ExpiredError(kContinueExpired),
                                      EncodeContinue(inconsistent, resource), request.accepted);
  }
  ListView view;
  view.revision = listed->revision;
  view.continue_token = ContinueAfter(*listed, resource);
  if (listed->more && options.SelectsEverything()) view.remaining = listed->remaining;
  view.items = std::move(listed->items);
  co_return ListReply(environment, resource, request, std::move(view));
}

}  // namespace wherry::apiserver::endpoints
