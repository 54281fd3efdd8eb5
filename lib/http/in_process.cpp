#include "lib/http/in_process.h"

namespace wherry::http {

InProcessRoundTripper::InProcessRoundTripper(Handler& handler)
    : InProcessRoundTripper(handler, Options()) {}
InProcessRoundTripper::InProcessRoundTripper(Handler& handler, Options options)
    : handler_(handler), options_(std::move(options)) {}

Task<Result<Response>> InProcessRoundTripper::RoundTrip(Request request, bool stream_body) {
  if (!request.authenticated_user) request.authenticated_user = options_.user;
  if (options_.wants_objects) request.wants_objects = true;
  const bool wants_objects = request.wants_objects;
  auto handling = handler_.Handle(std::move(request));
  Response response = co_await std::move(handling);
  // A list of objects has no bytes to collect; its reader takes the stream as it is.
  if (stream_body || wants_objects || !response.stream) co_return response;
  std::string body;
  while (true) {
    auto pulling = response.stream->Next();
    CO_TRY(std::optional<Chunk> chunk, co_await std::move(pulling));
    if (!chunk) break;
    if (chunk->bytes) body += *chunk->bytes;
  }
  response.stream.reset();
  response.body = std::move(body);
  co_return response;
}

}  // namespace wherry::http
