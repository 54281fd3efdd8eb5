#include "nodeagent/probes/grpc_health.h"

#include <gtest/gtest.h>

namespace wherry::nodeagent::probes {
namespace {

http::Response Response(std::string body, const std::string& code = "0",
                        const std::string& message = "") {
  http::Response response;
  response.body = std::move(body);
  if (!code.empty()) response.headers.Set("grpc-status", code);
  if (!message.empty()) response.headers.Set("grpc-message", message);
  return response;
}

std::string Framed(const std::string& message) {
  std::string body("\0\0\0\0", 4);
  body += static_cast<char>(message.size());
  return body + message;
}

TEST(GrpcHealthTest, RequestsAreOneFramedMessage) {
  const http::Request all = HealthCheckRequest("http://10.0.0.1:5000", "");
  EXPECT_EQ(all.method, "POST");
  EXPECT_EQ(all.target, "http://10.0.0.1:5000/grpc.health.v1.Health/Check");
  EXPECT_EQ(all.headers.Get("Content-Type"), "application/grpc");
  EXPECT_EQ(all.headers.Get("TE"), "trailers");
  EXPECT_EQ(all.body, std::string(5, '\0'));
  const std::string service(200, 's');
  const std::string body = HealthCheckRequest("http://h:1", service).body;
  EXPECT_EQ(body, std::string("\0\0\0\0\xcb\x0a\xc8\x01", 8) + service);
}

TEST(GrpcHealthTest, OnlyServingIsHealthy) {
  EXPECT_TRUE(ReadHealthAnswer(Response(Framed("\x08\x01"))).serving);
  // An unknown field before it does not matter.
  EXPECT_TRUE(ReadHealthAnswer(Response(Framed("\x12\x02hi\x08\x01"))).serving);
  const HealthAnswer down = ReadHealthAnswer(Response(Framed("\x08\x02")));
  EXPECT_FALSE(down.serving);
  EXPECT_EQ(down.text, "service unhealthy (responded with \"NOT_SERVING\")");
  EXPECT_EQ(ReadHealthAnswer(Response(Framed(""))).text,
            "service unhealthy (responded with \"UNKNOWN\")");
}

TEST(GrpcHealthTest, ErrorsOfTheCallAreTold) {
  EXPECT_EQ(ReadHealthAnswer(Response("", "12", "unknown service grpc.health.v1.Health")).text,
            "error: this server does not implement the grpc health protocol "
            "(grpc.health.v1.Health): unknown service grpc.health.v1.Health");
  EXPECT_EQ(ReadHealthAnswer(Response("", "5", "unknown service")).text,
            "error: health rpc probe failed: rpc error: code = NotFound desc = unknown service");
  http::Response web = Response("<html>", "");
  web.status = 404;
  EXPECT_EQ(ReadHealthAnswer(web).text,
            "error: health rpc probe failed: rpc error: code = Unknown desc = unexpected HTTP "
            "status code received from server: 404");
}

// A call that succeeded and says nothing that can be read is no success.
TEST(GrpcHealthTest, BrokenAnswersAreFailures) {
  for (const std::string& body :
       {std::string(), Framed("\x08"), Framed("\x12\x7f"), std::string("\0\0\0\0\x09\x08\x01", 7),
        std::string("\1\0\0\0\2\x08\x01", 7), Framed("\x0b")})
    EXPECT_FALSE(ReadHealthAnswer(Response(body)).serving) << body.size();
  EXPECT_FALSE(ReadHealthAnswer(Response(Framed("\x08\x01"), "")).serving);
  EXPECT_FALSE(ReadHealthAnswer(Response(Framed("\x08\x01"), "0x")).serving);
}

}  // namespace
}  // namespace wherry::nodeagent::probes
