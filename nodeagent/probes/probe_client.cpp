#include "nodeagent/probes/probe_client.h"

namespace wherry::nodeagent::probes {

std::unique_ptr<http::CurlClient> MakeProbeClient(Loop& loop, bool http2) {
  http::CurlClient::Options options;
  options.http2_prior_knowledge = http2;
  options.tls.insecure = true;  // upstream's probes do not verify either
  options.connect_timeout = std::chrono::hours(1);
  options.timeout = std::chrono::milliseconds(0);
  options.body_bytes_max = 1024 * 1024;
  return std::make_unique<http::CurlClient>(loop, std::move(options));
}

}  // namespace wherry::nodeagent::probes
