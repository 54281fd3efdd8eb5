#include "nodeagent/streaming/caller.h"

#include "lib/http/certificates.h"

#include <gtest/gtest.h>

#include <chrono>

namespace wherry::nodeagent::streaming {
namespace {

// A request as the server hands it over: with the certificate of `subject`, which it has verified.
http::Request RequestOf(http::CertificateSubject subject) {
  const WallTime now{std::chrono::hours(24 * 365 * 50)};
  auto ca = http::MakeCertificateAuthority("ca", now, std::chrono::hours(1));
  auto pair = http::IssueCertificate(
      *ca, {.subject = std::move(subject), .client = true, .valid_for = std::chrono::hours(1)},
      now);
  http::Request request;
  request.tls_client_certificate_pem = pair->certificate_pem;
  return request;
}

// Of all the identities that the cluster's CA signs, only the API server's may use a node's API.
TEST(AuthorizeCaller, AsksForTheGroupOfTheApiServer) {
  EXPECT_TRUE(AuthorizeCaller(RequestOf({.common_name = "kube-apiserver-kubelet-client",
                                         .organizations = {"system:masters"}}))
                  .ok());
  for (const char* group : {"system:nodes", "system:authenticated", "masters"}) {
    const Status other =
        AuthorizeCaller(RequestOf({.common_name = "system:node:b", .organizations = {group}}));
    ASSERT_FALSE(other.ok()) << group;
    EXPECT_EQ(other.error().reason, Reason::kForbidden);
  }
  const Status proxy = AuthorizeCaller(RequestOf({.common_name = "system:kube-proxy"}));
  ASSERT_FALSE(proxy.ok());
  EXPECT_EQ(proxy.error().reason, Reason::kForbidden);
}

TEST(AuthorizeCaller, RefusesWhoHasNoName) {
  const Status anonymous = AuthorizeCaller(http::Request{});
  ASSERT_FALSE(anonymous.ok());
  EXPECT_EQ(anonymous.error().reason, Reason::kUnauthorized);
}

TEST(AuthorizeCaller, KnowsACallerOfThisProcess) {
  http::Request request;
  request.authenticated_user = http::UserInfo{.name = "x", .groups = {"system:masters"}};
  EXPECT_TRUE(AuthorizeCaller(request).ok());
  request.authenticated_user->groups = {"system:nodes"};
  EXPECT_FALSE(AuthorizeCaller(request).ok());
}

}  // namespace
}  // namespace wherry::nodeagent::streaming
