// Shows what a load balancer is told on a health check node port, and that ports come and go.

#include "proxy/healthcheck/service_health.h"

#include "lib/linux/fd.h"
#include "lib/loop/world.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>

namespace wherry::proxy::healthcheck {
namespace {

using linux::Fd;

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

uint16_t FreePort() {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

// The kernel accepts for a listener, so no loop has to run.
bool IsOpen(uint16_t port) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = Loopback(port);
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

TEST(ServiceHealthTest, SaysHowManyEndpointsAreHere) {
  const services::HealthCheck check{
      .port = 1, .ns = "default", .name = "web", .local_endpoints = 2};
  const http::Response yes = HealthResponse(check);
  EXPECT_EQ(yes.status, 200);
  EXPECT_EQ(yes.headers.Get("X-Load-Balancing-Endpoint-Weight"), "2");
  EXPECT_EQ(nlohmann::json::parse(yes.body),
            nlohmann::json::parse(R"({"service":{"namespace":"default","name":"web"},
                                      "localEndpoints":2,"serviceProxyHealthy":true})"));
  EXPECT_EQ(HealthResponse({.port = 1, .ns = "default", .name = "web"}).status, 503);
}

TEST(ServiceHealthTest, PortsFollowTheServices) {
  RealWorld world;
  ServiceHealth health(world.world().loop);
  const uint16_t one = FreePort();
  const uint16_t two = FreePort();
  health.Set({{.port = one, .ns = "default", .name = "web"}});
  EXPECT_TRUE(IsOpen(one));
  EXPECT_FALSE(IsOpen(two));
  health.Set({{.port = two, .ns = "default", .name = "web"}});
  EXPECT_FALSE(IsOpen(one));
  EXPECT_TRUE(IsOpen(two));
  health.Set({});
  EXPECT_FALSE(IsOpen(two));
}

}  // namespace
}  // namespace wherry::proxy::healthcheck
