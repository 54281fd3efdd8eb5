// Shows what an object's forms are and that each is made once.

#include "apiserver/storage/cacher/cached_object.h"

#include "tests/unit/apiserver/storage/cacher/test_codec.h"

#include <gmock/gmock.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

namespace wherry::apiserver::storage {

Result<std::shared_ptr<const google::protobuf::Message>> TestCodec::Parse(
    std::string_view json) const {
  ++parsed;
  if (json.find("broken") != std::string_view::npos)
    return MakeError(Reason::kInternalError, "not of this kind");
  auto message = std::make_shared<google::protobuf::StringValue>();
  message->set_value(std::string(json));
  return std::shared_ptr<const google::protobuf::Message>(std::move(message));
}

Result<std::string> TestCodec::Protobuf(const google::protobuf::Message& message) const {
  ++encoded;
  return "k8s:" + static_cast<const google::protobuf::StringValue&>(message).value();
}

namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr const char* kPod = R"({"kind":"Pod","metadata":{"name":"web","namespace":"default",)"
                             R"("labels":{"app":"web","odd\"key":"quo\"te"}},)"
                             R"("spec":{"nodeName":"n1","replicas":3,"unschedulable":null,)"
                             R"("template":{"spec":{"nodeName":"inner"}}}})";

struct CachedObjectTest : testing::Test {
  CachedObject Make(std::string value) {
    KeyValue kv{.key = "/pods/default/web",
                .value = std::make_shared<const std::string>(std::move(value)),
                .create_revision = 3,
                .mod_revision = 9};
    return {std::move(kv), codec};
  }
  std::shared_ptr<TestCodec> codec = std::make_shared<TestCodec>();
};

TEST_F(CachedObjectTest, JsonCarriesTheRevisionAndIsSharedWhileHeld) {
  const CachedObject object = Make(kPod);
  const SharedBytes json = object.json();
  EXPECT_THAT(*json, testing::HasSubstr(R"("metadata":{"resourceVersion":"9","name":"web")"));
  EXPECT_EQ(object.json(), json);
  std::string appended = "[";
  object.AppendJson(appended);
  EXPECT_EQ(appended, "[" + *json);
}

TEST_F(CachedObjectTest, MessageIsParsedOnceForAllWhoHoldIt) {
  const CachedObject object = Make(kPod);
  auto first = object.message();
  auto second = object.message();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(codec->parsed, 1);
  ASSERT_TRUE(object.protobuf().ok());
  EXPECT_EQ(**object.protobuf(), "k8s:" + *object.json());
  EXPECT_EQ(codec->parsed, 1);
  EXPECT_EQ(codec->encoded, 1);
}

TEST_F(CachedObjectTest, UnparsableTextIsAnErrorThatNamesTheKey) {
  const CachedObject object = Make("{\"broken\":1}");
  ASSERT_FALSE(object.message().ok());
  EXPECT_THAT(object.message().error().message, testing::HasSubstr("/pods/default/web"));
  EXPECT_FALSE(object.protobuf().ok());
}

TEST_F(CachedObjectTest, WithoutACodecOnlyJsonIsThere) {
  codec = nullptr;
  const CachedObject object = Make(kPod);
  EXPECT_TRUE(object.json()->starts_with("{\"kind\""));
  EXPECT_FALSE(object.message().ok());
  EXPECT_EQ(object.label("app"), "web");
  EXPECT_EQ(object.field("metadata.name"), "web");
  EXPECT_EQ(object.field("spec.nodeName"), std::nullopt);
}

TEST_F(CachedObjectTest, LabelsAndFieldsAreReadFromTheText) {
  const CachedObject object = Make(kPod);
  for (int pass = 0; pass < 2; ++pass) {
    EXPECT_THAT(object.labels(), ElementsAre(Pair("app", "web"), Pair("odd\"key", "quo\"te")));
    EXPECT_EQ(object.label("app"), "web");
    EXPECT_EQ(object.label("nope"), std::nullopt);
    EXPECT_EQ(object.field("metadata.name"), "web");
    EXPECT_EQ(object.field("metadata.namespace"), "default");
    EXPECT_EQ(object.field("spec.nodeName"), "n1");
    EXPECT_EQ(object.field("spec.replicas"), "3");
    EXPECT_EQ(object.field("spec.unschedulable"), "false");
    EXPECT_EQ(object.field("status.phase"), "");
    EXPECT_EQ(object.field("spec.template"), std::nullopt);
    object.Trim();
  }
}

TEST_F(CachedObjectTest, TextThatIsNotAnObjectHasNoAttributes) {
  const CachedObject object = Make("plain");
  EXPECT_EQ(*object.json(), "plain");
  EXPECT_TRUE(object.labels().empty());
  EXPECT_EQ(object.field("metadata.name"), "");
}

}  // namespace
}  // namespace wherry::apiserver::storage
