#include "lib/http/curl_client.h"

#include "lib/http/curl_multi.h"
#include "lib/http/curl_transfer.h"

#include <optional>

namespace wherry::http {
namespace {

class CurlBody : public BodySource {
 public:
  explicit CurlBody(std::unique_ptr<CurlTransfer> transfer) : transfer_(std::move(transfer)) {}

  Task<Result<std::optional<Chunk>>> Next() override {
    auto reading = transfer_->Read();
    CO_TRY(std::optional<std::string> bytes, co_await std::move(reading));
    if (!bytes) co_return std::optional<Chunk>();
    Chunk chunk;
    chunk.bytes = std::make_shared<const std::string>(std::move(*bytes));
    co_return std::optional<Chunk>(std::move(chunk));
  }

 private:
  std::unique_ptr<CurlTransfer> transfer_;
};

}  // namespace

struct CurlClient::Impl {
  Impl(Loop& loop, Options the_options)
      : options(std::move(the_options)),
        multi(std::make_shared<CurlMulti>(loop, options.idle_connections_max)) {}
  Options options;
  std::shared_ptr<CurlMulti> multi;
};

CurlClient::CurlClient(Loop& loop, Options options)
    : impl_(std::make_shared<Impl>(loop, std::move(options))) {}
CurlClient::~CurlClient() = default;

void CurlClient::SetTls(TlsClientConfig tls) { impl_->options.tls = std::move(tls); }

Task<Result<Response>> CurlClient::RoundTrip(Request request, bool stream_body) {
  auto transfer =
      std::make_unique<CurlTransfer>(impl_->multi, impl_->options, std::move(request), stream_body);
  auto waiting = transfer->WaitForHead();
  CO_TRY(Response response, co_await std::move(waiting));
  if (stream_body) {
    response.stream = std::make_unique<CurlBody>(std::move(transfer));
    co_return response;
  }
  while (true) {
    auto reading = transfer->Read();
    CO_TRY(std::optional<std::string> bytes, co_await std::move(reading));
    if (!bytes) {
      for (const auto& [name, value] : transfer->trailers().all())
        response.headers.Add(name, value);
      co_return response;
    }
    response.body += *bytes;
  }
}

}  // namespace wherry::http
