#include "tests/unit/apiserver/api_fixture.h"

namespace wherry::apiserver {
namespace {

using SystemObjectsTest = ApiFixture;

// What anybody may delete comes back: nodes lose their leases and pods the API without it.
TEST_F(SystemObjectsTest, ComeBack) {
  const std::string service = "/api/v1/namespaces/default/services/kubernetes";
  const std::string endpoints = "/api/v1/namespaces/default/endpoints/kubernetes";
  ASSERT_EQ(Ask("DELETE", service).status, 200);
  ASSERT_EQ(Ask("DELETE", endpoints).status, 200);
  EXPECT_EQ(Get(service).status, 404);
  sim_.Advance(std::chrono::seconds(11));
  EXPECT_EQ(Get(service).body["spec"]["ports"][0]["port"], 443);
  Answer back = Get(endpoints);
  EXPECT_EQ(back.body["subsets"][0]["addresses"][0]["ip"], "10.0.0.1");
  // Nothing is written while nothing is missing.
  sim_.Advance(std::chrono::seconds(60));
  EXPECT_EQ(Get(endpoints).body["metadata"]["resourceVersion"],
            back.body["metadata"]["resourceVersion"]);
}

}  // namespace
}  // namespace wherry::apiserver
