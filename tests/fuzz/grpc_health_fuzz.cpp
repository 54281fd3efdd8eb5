// gRPC health answers: any body and status are read, and only a framed SERVING is healthy.

#include "lib/base/check.h"
#include "nodeagent/probes/grpc_health.h"

#include <cstdint>
#include <string>

using namespace wherry;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  http::Response response;
  response.body.assign(reinterpret_cast<const char*>(data), size);
  response.headers.Set("grpc-status", "0");
  const auto answer = nodeagent::probes::ReadHealthAnswer(response);
  CHECK(!answer.text.empty());
  CHECK(!answer.serving || (size >= 7 && data[0] == 0));
  response.headers.Set("grpc-status", response.body);
  CHECK(!nodeagent::probes::ReadHealthAnswer(response).text.empty());
  return 0;
}
