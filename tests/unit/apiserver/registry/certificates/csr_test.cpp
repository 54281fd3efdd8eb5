#include "apiserver/registry/certificates/csr_strategy.h"
#include "apiserver/registry/certificates/csr_validation.h"
#include "lib/api/base64.h"
#include "lib/http/certificates.h"
#include "tests/unit/apiserver/registry/core/strategy_case.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::registry {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

json Request() {
  auto key = http::MakePrivateKey();
  EXPECT_TRUE(key.ok());
  auto pem = http::MakeSigningRequest(
      *key, {.subject = {.common_name = "system:node:n1", .organizations = {"system:nodes"}}});
  EXPECT_TRUE(pem.ok());
  std::string request;
  api::AppendBase64(request, *pem);
  json document = json::parse(R"({"metadata": {"name": "n1"}, "spec": {
    "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
    "usages": ["digital signature", "client auth"], "username": "somebody-else"}})");
  document["spec"]["request"] = request;
  return document;
}

class CsrTest : public ::testing::Test {
 protected:
  std::unique_ptr<Strategy> strategy_ = certificates::MakeCertificateSigningRequestStrategy();
};

TEST_F(CsrTest, TheServerSaysWhoAsks) {
  auto object = Decode(*strategy_, Request());
  http::UserInfo user{.name = "system:bootstrap:abc", .groups = {"system:bootstrappers"}};
  strategy_->PrepareForCreate({.now = kNow, .user = &user}, *object);
  json spec = Encode(*object)["spec"];
  EXPECT_EQ(spec["username"], "system:bootstrap:abc");
  EXPECT_EQ(spec["groups"], json::parse(R"(["system:bootstrappers"])"));
}

TEST_F(CsrTest, RequestsAreChecked) {
  EXPECT_THAT(CreateErrors(*strategy_, Request()), IsEmpty());
  json garbage = With(Request(), "/spec/request", "AAAA");
  EXPECT_THAT(CreateErrors(*strategy_, garbage),
              ElementsAre(::testing::HasSubstr("PEM block type must be CERTIFICATE REQUEST")));
  EXPECT_THAT(CreateErrors(*strategy_, With(Request(), "/spec/usages", json::array())),
              ElementsAre("spec.usages: Required value"));
  EXPECT_THAT(
      CreateErrors(*strategy_, With(Request(), "/spec/signerName", "me")),
      ElementsAre(R"(spec.signerName: Invalid value: "me": must be a fully qualified domain )"
                  "and path of the form 'example.com/signer-name'"));
  EXPECT_THAT(CreateErrors(*strategy_, With(Request(), "/spec/expirationSeconds", 60)),
              ElementsAre("spec.expirationSeconds: Invalid value: 60: may not specify a duration "
                          "less than 600 seconds (10 minutes)"));
}

TEST_F(CsrTest, OnlyApprovalApproves) {
  json before = Request();
  json after = With(before, "/status/conditions/0", {{"type", "Approved"}, {"status", "True"}});
  EXPECT_THAT(UpdateErrors(*strategy_, *strategy_->SubresourceStrategy("approval"), before, after),
              IsEmpty());
  EXPECT_THAT(UpdateErrors(*strategy_, *strategy_->StatusStrategy(), before, after),
              ElementsAre("status.conditions: Forbidden: updates may not add a condition of type "
                          "\"Approved\""));
  EXPECT_THAT(
      UpdateErrors(*strategy_, *strategy_->SubresourceStrategy("approval"), after, before),
      ElementsAre("status.conditions: Forbidden: updates may not remove a condition of type "
                  "\"Approved\""));
}

TEST_F(CsrTest, PrintsRowsAsUpstream) {
  json request = With(Request(), "/spec/expirationSeconds", 3600);
  request["status"]["conditions"] = json::parse(R"([{"type": "Approved", "status": "True"}])");
  EXPECT_THAT(testing::Cells(*strategy_, request),
              ElementsAre("n1", "<unknown>", "kubernetes.io/kube-apiserver-client-kubelet",
                          "somebody-else", "60m", "Approved"));
}

}  // namespace
}  // namespace wherry::apiserver::registry
