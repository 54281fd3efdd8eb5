#include "lib/http/in_process.h"

#include "lib/telemetry/log.h"

#include <exception>
#include <utility>

namespace wherry::http {
namespace {

constexpr telemetry::Logger log("http");

// To be called while an exception is handled.
Error Thrown() {
  try {
    throw;
  } catch (const std::exception& exception) {
    log.Error("handler threw", {{"what", exception.what()}});
  } catch (...) {
    log.Error("handler threw", {{"what", "something that is no std::exception"}});
  }
  return MakeError(Reason::kInternalError, "internal error");
}

// A handler's stream, whose exceptions end it and not its reader.
class GuardedSource : public BodySource {
 public:
  explicit GuardedSource(std::unique_ptr<BodySource> source) : source_(std::move(source)) {}
  Task<Result<std::optional<Chunk>>> Next() override {
    try {
      auto pulling = source_->Next();
      co_return co_await std::move(pulling);
    } catch (...) {
      co_return Thrown();
    }
  }

 private:
  std::unique_ptr<BodySource> source_;
};

}  // namespace

InProcessRoundTripper::InProcessRoundTripper(Handler& handler)
    : InProcessRoundTripper(handler, Options()) {}
InProcessRoundTripper::InProcessRoundTripper(Handler& handler, Options options)
    : handler_(handler), options_(std::move(options)) {}

Task<Result<Response>> InProcessRoundTripper::RoundTrip(Request request, bool stream_body) {
  if (!request.authenticated_user) request.authenticated_user = options_.user;
  if (options_.wants_objects) request.wants_objects = true;
  const bool wants_objects = request.wants_objects;
  Response response;
  try {
    auto handling = handler_.Handle(std::move(request));
    response = co_await std::move(handling);
  } catch (...) {
    co_return Thrown();
  }
  if (!response.stream) co_return response;
  response.stream = std::make_unique<GuardedSource>(std::move(response.stream));
  // A list of objects has no bytes to collect; its reader takes the stream as it is.
  if (stream_body || wants_objects) co_return response;
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
