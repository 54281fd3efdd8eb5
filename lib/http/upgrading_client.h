#pragma once

#include "lib/http/curl_client.h"
#include "lib/http/message.h"
#include "lib/loop/loop.h"

#include <string>

namespace wherry::http {

// A CurlClient that can upgrade too, which libcurl cannot: a request with an Upgrade field gets an
// HTTP/1.1 connection of its own, and with a 101 a Response::upgrade that carries the bytes both
// ways, unchanged, until one side ends. Each direction holds one piece at a time, so that a slow
// reader slows only its writer. Any other answer to it comes whole (its body's first 64 KiB).
//
// Hosts of upgrades are IP addresses. TLS and tokens are as CurlClient::Options say; upgrades take
// no notice of its proxy, and of its timeouts: one of their own bounds the way to the answer's
// head.
class UpgradingClient : public RoundTripper {
 public:
  UpgradingClient(Loop& loop, CurlClient::Options options);

  Task<Result<Response>> RoundTrip(Request request, bool stream_body) override;

 private:
  Task<Result<Response>> Upgrade(Request request);

  Loop& loop_;
  CurlClient::Options options_;
  CurlClient curl_;
};

}  // namespace wherry::http
