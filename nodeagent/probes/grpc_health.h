#pragma once

#include "lib/http/message.h"

#include <string>
#include <string_view>

// One call of grpc.health.v1.Health/Check, as it travels in an HTTP/2 request and response. Pure,
// any thread. Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md and
// doc/health-checking.md.
namespace wherry::nodeagent::probes {

// `url` is "http://10.0.0.2:5000"; an empty service asks about the server as a whole.
http::Request HealthCheckRequest(std::string_view url, std::string_view service);

struct HealthAnswer {
  bool serving = false;
  std::string text;  // "service healthy", or what is wrong in the kubelet's words
};
// Takes any bytes; fields from behind the body are among the response's headers. Source of the
// words: pkg/probe/grpc.
HealthAnswer ReadHealthAnswer(const http::Response& response);

}  // namespace wherry::nodeagent::probes
