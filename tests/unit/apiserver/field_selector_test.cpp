#include "tests/unit/apiserver/api_fixture.h"

#include <gmock/gmock.h>

namespace wherry::apiserver {
namespace {

using nlohmann::json;

class FieldSelectorTest : public ApiFixture {
 protected:
  size_t Count(const std::string& list, const std::string& selector) {
    const Answer answer = Get(list + "?fieldSelector=" + selector);
    EXPECT_EQ(answer.status, 200) << selector << ": " << answer.text;
    return answer.body["items"].size();
  }
};

// Source: pkg/apis/core/v1/conversion.go.
TEST_F(FieldSelectorTest, EachKindTakesUpstreamsFields) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> kinds = {
      {"/api/v1/pods",
       {"spec.nodeName", "spec.host", "spec.restartPolicy", "spec.schedulerName",
        "spec.serviceAccountName", "spec.hostNetwork", "status.phase", "status.podIP",
        "status.podIPs", "status.nominatedNodeName"}},
      {"/api/v1/nodes", {"spec.unschedulable"}},
      {"/api/v1/namespaces", {"status.phase"}},
      {"/api/v1/secrets", {"type"}},
      {"/api/v1/replicationcontrollers", {"status.replicas"}},
      {"/apis/certificates.k8s.io/v1/certificatesigningrequests", {"spec.signerName"}},
      {"/api/v1/configmaps", {}},
      {"/api/v1/events",
       {"involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
        "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion",
        "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type"}},
      {"/apis/events.k8s.io/v1/events",
       {"regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid",
        "regarding.apiVersion", "regarding.resourceVersion", "regarding.fieldPath", "reason",
        "reportingController", "type"}},
  };
  for (const auto& [list, fields] : kinds) {
    EXPECT_EQ(Count(list, "metadata.name=none"), 0U) << list;
    for (const std::string& field : fields)
      EXPECT_EQ(Count(list, field + "=none"), 0U) << list << " " << field;
    const Answer unknown = Get(list + "?fieldSelector=spec.unheardOf=none");
    EXPECT_EQ(unknown.status, 400) << list;
    EXPECT_EQ(unknown.body["reason"], "BadRequest");
  }
}

TEST_F(FieldSelectorTest, PodsAreSelectedByWhatTheySay) {
  json pod = json::parse(PodJson("web"));
  pod["spec"]["nodeName"] = "n1";
  pod["spec"]["restartPolicy"] = "Never";
  ASSERT_EQ(Post(std::string(kPods), pod.dump()).status, 201);
  ASSERT_EQ(Post(std::string(kPods), PodJson("idle")).status, 201);
  const std::string pods(kPods);
  EXPECT_EQ(Count(pods, "spec.host=n1"), 1U);
  EXPECT_EQ(Count(pods, "spec.nodeName=n1,spec.host!=n1"), 0U);
  EXPECT_EQ(Count(pods, "spec.host="), 1U);
  EXPECT_EQ(Count(pods, "spec.restartPolicy=Never"), 1U);
  EXPECT_EQ(Count(pods, "spec.schedulerName=default-scheduler"), 2U);
  EXPECT_EQ(Count(pods, "spec.serviceAccountName=default"), 2U);
  EXPECT_EQ(Count(pods, "spec.hostNetwork=false"), 2U);
  EXPECT_EQ(Count(pods, "status.phase=Pending"), 2U);
}

TEST_F(FieldSelectorTest, OtherKindsToo) {
  ASSERT_EQ(Post("/api/v1/nodes", R"({"metadata":{"name":"n1"}})").status, 201);
  ASSERT_EQ(
      Post("/api/v1/nodes", R"({"metadata":{"name":"n2"},"spec":{"unschedulable":true}})").status,
      201);
  EXPECT_EQ(Count("/api/v1/nodes", "spec.unschedulable=true"), 1U);
  EXPECT_EQ(Count("/api/v1/nodes", "spec.unschedulable=false"), 1U);
  EXPECT_EQ(Count("/api/v1/namespaces", "status.phase=Active"), 4U);
  EXPECT_EQ(Count("/api/v1/namespaces", "status.phase=Active,metadata.name!=default"), 3U);
  ASSERT_EQ(Post("/api/v1/namespaces/default/secrets",
                 R"({"metadata":{"name":"s"},"type":"example.com/t"})")
                .status,
            201);
  EXPECT_EQ(Count("/api/v1/secrets", "type=example.com/t"), 1U);
  EXPECT_EQ(Count("/api/v1/secrets", "type=Opaque"), 0U);
}

}  // namespace
}  // namespace wherry::apiserver
