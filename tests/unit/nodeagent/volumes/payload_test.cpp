#include "nodeagent/volumes/payload.h"

#include "lib/api/codec.h"
#include "proto/api/core/v1.pb.h"

#include <gtest/gtest.h>

namespace wherry::nodeagent::volumes {
namespace {

namespace core = api::core::v1;

class OneOfEach : public ObjectSource {
 public:
  Result<std::shared_ptr<const core::ConfigMap>> ConfigMap(const std::string&,
                                                           const std::string& name) const override {
    if (name != "cm") return MakeError(Reason::kNotFound, "configmap \"" + name + "\" not found");
    auto object = std::make_shared<core::ConfigMap>();
    (*object->mutable_data())["a"] = "1";
    (*object->mutable_binarydata())["b"] = std::string("\0\xff", 2);
    return object;
  }
  Result<std::shared_ptr<const core::Secret>> Secret(const std::string&,
                                                     const std::string& name) const override {
    if (name != "s") return MakeError(Reason::kNotFound, "secret \"" + name + "\" not found");
    auto object = std::make_shared<core::Secret>();
    (*object->mutable_data())["key"] = "hush";
    return object;
  }
  Result<std::string> ServiceAccountToken(
      const core::Pod&, const core::ServiceAccountTokenProjection&) const override {
    return std::string("token");
  }
};

Result<Payload> Project(const std::string& volume) {
  core::Pod pod;
  const std::string text =
      R"({"metadata":{"name":"web","namespace":"shop","labels":{"b":"2","a":"1\n"}},"spec":{
        "containers":[{"name":"c","resources":{"limits":{"cpu":"1250m"}}}],"volumes":[)" +
      volume + "]}}";
  EXPECT_TRUE(api::FromJson(text, &pod).ok());
  DownwardContext context;
  context.allocatable["memory"] = 4LL << 30;
  return ProjectVolume(pod, pod.spec().volumes(0), context, OneOfEach());
}

TEST(PayloadTest, ConfigMapKeysBecomeFiles) {
  auto payload = Project(R"({"name":"v","configMap":{"name":"cm","defaultMode":256}})");
  ASSERT_TRUE(payload.ok());
  EXPECT_EQ(*payload, (Payload{{"a", {"1", 0400}}, {"b", {std::string("\0\xff", 2), 0400}}}));
  payload = Project(
      R"({"name":"v","configMap":{"name":"cm","items":[{"key":"a","path":"p/q","mode":511}]}})");
  ASSERT_TRUE(payload.ok());
  EXPECT_EQ(*payload, (Payload{{"p/q", {"1", 0777}}}));
}

TEST(PayloadTest, WhatIsMissingIsAnErrorUnlessOptional) {
  EXPECT_EQ(Project(R"({"name":"v","configMap":{"name":"no"}})").error().message,
            "configmap \"no\" not found");
  EXPECT_EQ(Project(R"({"name":"v","secret":{"secretName":"s","items":[{"key":"x","path":"x"}]}})")
                .error()
                .message,
            "references non-existent secret key: x");
  EXPECT_TRUE(Project(R"({"name":"v","secret":{"secretName":"no","optional":true}})")->empty());
}

TEST(PayloadTest, DownwardFilesAndResources) {
  auto payload = Project(R"({"name":"v","downwardAPI":{"items":[
      {"path":"name","fieldRef":{"fieldPath":"metadata.name"}},
      {"path":"labels","fieldRef":{"fieldPath":"metadata.labels"}},
      {"path":"one","fieldRef":{"fieldPath":"metadata.labels['b']"}},
      {"path":"cpu","resourceFieldRef":{"containerName":"c","resource":"limits.cpu"}},
      {"path":"milli","resourceFieldRef":{"containerName":"c","resource":"limits.cpu","divisor":"1m"}},
      {"path":"memory","resourceFieldRef":{"containerName":"c","resource":"limits.memory","divisor":"1Mi"}}
      ]}})");
  ASSERT_TRUE(payload.ok()) << payload.error().message;
  EXPECT_EQ((*payload)["name"].data, "web");
  EXPECT_EQ((*payload)["labels"].data, "a=\"1\\n\"\nb=\"2\"");
  EXPECT_EQ((*payload)["one"].data, "2");
  EXPECT_EQ((*payload)["cpu"].data, "2");
  EXPECT_EQ((*payload)["milli"].data, "1250");
  EXPECT_EQ((*payload)["memory"].data, "4096");
}

TEST(PayloadTest, ProjectedSourcesShareAVolume) {
  auto payload = Project(R"({"name":"v","projected":{"sources":[
      {"secret":{"name":"s"}},{"configMap":{"name":"cm","items":[{"key":"a","path":"x"}]}},
      {"serviceAccountToken":{"path":"token"}}]}})");
  ASSERT_TRUE(payload.ok());
  EXPECT_EQ(*payload,
            (Payload{{"key", {"hush", 0644}}, {"x", {"1", 0644}}, {"token", {"token", 0644}}}));
}

Payload ProjectToken(const std::string& spec) {
  core::Pod pod;
  const std::string text = R"({"metadata":{"name":"web","namespace":"shop"},"spec":)" + spec + "}";
  EXPECT_TRUE(api::FromJson(text, &pod).ok());
  core::Volume volume;
  EXPECT_TRUE(
      api::FromJson(
          R"({"name":"v","projected":{"sources":[{"serviceAccountToken":{"path":"t"}}]}})", &volume)
          .ok());
  return ProjectVolume(pod, volume, {}, OneOfEach()).value();
}

// Whoever else is on the node must not read a token that its one user can own.
TEST(PayloadTest, ATokenBelongsToTheUserOfThePod) {
  EXPECT_EQ(ProjectToken(R"({"containers":[{"name":"a"}]})"),
            (Payload{{"t", {"token", 0644, -1}}}));
  EXPECT_EQ(ProjectToken(R"({"securityContext":{"runAsUser":1000},"containers":[{"name":"a"}]})"),
            (Payload{{"t", {"token", 0600, 1000}}}));
  EXPECT_EQ(ProjectToken(R"({"securityContext":{"fsGroup":5},"containers":[{"name":"a"}]})"),
            (Payload{{"t", {"token", 0600, -1}}}));
  EXPECT_EQ(ProjectToken(R"({"securityContext":{"runAsUser":1000},"containers":[{"name":"a"},
      {"name":"b","securityContext":{"runAsUser":1001}}]})"),
            (Payload{{"t", {"token", 0644, -1}}}));
  EXPECT_EQ(ProjectToken(R"({"initContainers":[{"name":"i"}],
      "containers":[{"name":"a","securityContext":{"runAsUser":7}}]})"),
            (Payload{{"t", {"token", 0644, -1}}}));
}

}  // namespace
}  // namespace wherry::nodeagent::volumes
