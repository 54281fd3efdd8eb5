#pragma once

#include "lib/http/curl_client.h"

#include <memory>

namespace wherry::nodeagent::probes {

// The client that asks containers: whatever certificate they show, and for as long as the probe or
// hook says, which Prober watches over. `http2` is for gRPC.
std::unique_ptr<http::CurlClient> MakeProbeClient(Loop& loop, bool http2);

}  // namespace wherry::nodeagent::probes
