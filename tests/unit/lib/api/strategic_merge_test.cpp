#include "lib/api/strategic_merge.h"

#include "lib/api/kind_registry.h"
#include "lib/api/schema.h"
#include "proto/api/apps/v1.pb.h"
#include "proto/api/core/v1.pb.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <string>

namespace wherry::api {
namespace {

json::Value Doc(std::string_view text) {
  auto parsed = json::Parse(text);
  EXPECT_TRUE(parsed.ok()) << text << ": " << parsed.error().message;
  return std::move(parsed).value();
}

struct Row {
  const char* what;
  const char* original;
  const char* patch;
  const char* result;
};

class StrategicMergeTest : public ::testing::TestWithParam<Row> {};

TEST_P(StrategicMergeTest, PodSpec) {
  const Row& row = GetParam();
  const Schema& schema = *KindOf<core::v1::Pod>().schema;
  const json::Value original = json::Value::object({{"spec", Doc(row.original)}});
  const json::Value patch = json::Value::object({{"spec", Doc(row.patch)}});
  auto result = StrategicMergePatch(original, patch, schema);
  if (row.result == nullptr) {
    ASSERT_FALSE(result.ok()) << row.what << ": " << result->dump();
    EXPECT_EQ(result.error().reason, Reason::kBadRequest) << row.what;
    return;
  }
  ASSERT_TRUE(result.ok()) << row.what << ": " << result.error().message;
  EXPECT_EQ((*result)["spec"], Doc(row.result)) << row.what;
}

INSTANTIATE_TEST_SUITE_P(
    Table, StrategicMergeTest,
    ::testing::Values(
        Row{"scalars are set, null deletes", R"({"nodeName":"a","priority":1})",
            R"({"nodeName":null,"priority":2,"x":null,"hostPID":true})",
            R"({"priority":2,"hostPID":true})"},
        Row{"maps merge", R"({"nodeSelector":{"a":"1","b":"2"}})",
            R"({"nodeSelector":{"b":null,"c":"3"}})", R"({"nodeSelector":{"a":"1","c":"3"}})"},
        Row{"keyed lists merge by name",
            R"({"containers":[{"name":"a","image":"1","tty":true},{"name":"b"}]})",
            R"({"containers":[{"name":"a","image":"2"}]})",
            R"({"containers":[{"name":"a","image":"2","tty":true},{"name":"b"}]})"},
        Row{"a new item comes where the patch's order puts it, server items keep theirs",
            R"({"containers":[{"name":"a"},{"name":"b"}]})", R"({"containers":[{"name":"n"}]})",
            R"({"containers":[{"name":"n"},{"name":"a"},{"name":"b"}]})"},
        Row{"nulls do not survive in new items", R"({})",
            R"({"containers":[{"name":"a","image":null}]})", R"({"containers":[{"name":"a"}]})"},
        Row{"$patch delete removes by key", R"({"containers":[{"name":"a"},{"name":"b"}]})",
            R"({"containers":[{"$patch":"delete","name":"a"}]})",
            R"({"containers":[{"name":"b"}]})"},
        Row{"$patch delete of nothing", R"({})",
            R"({"containers":[{"$patch":"delete","name":"a"}]})", R"({"containers":[]})"},
        Row{"$patch replace in a list", R"({"containers":[{"name":"a","tty":true},{"name":"b"}]})",
            R"({"containers":[{"name":"a"},{"$patch":"replace"}]})",
            R"({"containers":[{"name":"a"}]})"},
        Row{"$patch replace of an object", R"({"securityContext":{"runAsUser":1,"fsGroup":2}})",
            R"({"securityContext":{"$patch":"replace","runAsUser":3}})",
            R"({"securityContext":{"runAsUser":3}})"},
        Row{"$patch delete of an object", R"({"securityContext":{"runAsUser":1}})",
            R"({"securityContext":{"$patch":"delete"}})", R"({"securityContext":{}})"},
        Row{"unknown $patch", R"({"securityContext":{}})",
            R"({"securityContext":{"$patch":"frob"}})", nullptr},
        Row{"item without its merge key", R"({"containers":[{"name":"a"}]})",
            R"({"containers":[{"image":"x"}]})", nullptr},
        Row{"scalar in a list of objects", R"({"containers":[{"name":"a"}]})",
            R"({"containers":["a"]})", nullptr},
        Row{"lists without a strategy are replaced", R"({"tolerations":[{"key":"a"},{"key":"b"}]})",
            R"({"tolerations":[{"key":"c"}]})", R"({"tolerations":[{"key":"c"}]})"},
        Row{"nested keyed list",
            R"({"containers":[{"name":"a","env":[{"name":"X","value":"1"},{"name":"Y","value":"2"}]}]})",
            R"({"containers":[{"name":"a","env":[{"name":"Y","value":"3"}]}]})",
            R"({"containers":[{"name":"a","env":[{"name":"X","value":"1"},{"name":"Y","value":"3"}]}]})"},
        Row{"$setElementOrder puts items in order",
            R"({"containers":[{"name":"a"},{"name":"b"},{"name":"s"}]})",
            R"({"$setElementOrder/containers":[{"name":"b"},{"name":"c"},{"name":"a"}],"containers":[{"name":"c","image":"i"}]})",
            R"({"containers":[{"name":"b"},{"name":"c","image":"i"},{"name":"a"},{"name":"s"}]})"},
        Row{"$setElementOrder without a list reorders",
            R"({"containers":[{"name":"a"},{"name":"b"}]})",
            R"({"$setElementOrder/containers":[{"name":"b"},{"name":"a"}]})",
            R"({"containers":[{"name":"b"},{"name":"a"}]})"},
        Row{"equal merge keys keep their order",
            R"({"containers":[{"name":"d","ports":[{"containerPort":53,"protocol":"TCP"},{"containerPort":53,"protocol":"UDP"}]}]})",
            R"({"containers":[{"name":"d","$setElementOrder/ports":[{"containerPort":53},{"containerPort":53}],"image":"x"}]})",
            R"({"containers":[{"name":"d","image":"x","ports":[{"containerPort":53,"protocol":"TCP"},{"containerPort":53,"protocol":"UDP"}]}]})"},
        Row{"a patch against its own order", R"({"containers":[{"name":"a"},{"name":"b"}]})",
            R"({"$setElementOrder/containers":[{"name":"a"},{"name":"b"}],"containers":[{"name":"b"},{"name":"a"}]})",
            nullptr},
        Row{"$retainKeys clears the rest",
            R"({"volumes":[{"name":"v","emptyDir":{"medium":"Memory"}}]})",
            R"({"volumes":[{"$retainKeys":["name","hostPath"],"name":"v","hostPath":{"path":"/x"}}]})",
            R"({"volumes":[{"name":"v","hostPath":{"path":"/x"}}]})"},
        Row{"$retainKeys must name what the patch sets", R"({"volumes":[{"name":"v"}]})",
            R"({"volumes":[{"$retainKeys":["name"],"name":"v","emptyDir":{}}]})", nullptr},
        Row{"types that differ: the patch wins", R"({"nodeName":{"a":1}})", R"({"nodeName":"n"})",
            R"({"nodeName":"n"})"}));

// metadata.finalizers is a merged list of scalars.
TEST(StrategicMerge, ScalarLists) {
  const Schema& schema = *KindOf<core::v1::Pod>().schema;
  const json::Value original = Doc(R"({"metadata":{"finalizers":["a","b"]}})");
  EXPECT_EQ(*StrategicMergePatch(original, Doc(R"({"metadata":{"finalizers":["c","a"]}})"), schema),
            Doc(R"({"metadata":{"finalizers":["c","a","b"]}})"));
  EXPECT_EQ(*StrategicMergePatch(original,
                                 Doc(R"({"metadata":{"$deleteFromPrimitiveList/finalizers":["a"],
                                 "$setElementOrder/finalizers":["b"]}})"),
                                 schema),
            Doc(R"({"metadata":{"finalizers":["b"]}})"));
}

json::Value EnvOf(int count) {
  json::Value env = json::Value::array();
  for (int i = 0; i < count; ++i) env.push_back({{"name", "v" + std::to_string(i)}});
  return env;
}

// Naming one container again and again has its list of variables read as often.
TEST(StrategicMerge, WorkIsBounded) {
  const Schema& schema = *KindOf<core::v1::Pod>().schema;
  const json::Value original = {
      {"spec", {{"containers", {{{"name", "c"}, {"env", EnvOf(10'000)}}}}}}};
  json::Value containers = json::Value::array();
  for (int i = 0; i < 100; ++i) containers.push_back({{"name", "c"}, {"env", EnvOf(1)}});
  auto result = StrategicMergePatch(original, {{"spec", {{"containers", containers}}}}, schema);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().reason, Reason::kRequestEntityTooLarge);
}

// All that a patch deletes from a list goes in one pass: each for itself takes half a minute here.
TEST(StrategicMerge, DeletesManyItemsAtOnce) {
  const Schema& schema = *KindOf<core::v1::Pod>().schema;
  const json::Value original = {
      {"spec", {{"containers", {{{"name", "c"}, {"env", EnvOf(50'000)}}}}}}};
  json::Value deletions = EnvOf(9'000);
  for (json::Value& item : deletions) item["$patch"] = "delete";
  const json::Value patch = {{"spec", {{"containers", {{{"name", "c"}, {"env", deletions}}}}}}};
  const auto start = std::chrono::steady_clock::now();
  auto result = StrategicMergePatch(original, patch, schema);
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ((*result)["spec"]["containers"][0]["env"].size(), 41'000u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST(StrategicMerge, RefusesWhatIsNoObjectOrTooMuch) {
  const Schema& schema = *KindOf<core::v1::Pod>().schema;
  EXPECT_FALSE(StrategicMergePatch(Doc("{}"), Doc("[]"), schema).ok());
  json::Value many = json::Value::array();
  for (int i = 0; i < 10'001; ++i) many.push_back(i);
  const json::Value patch = {{"x", many}};
  EXPECT_EQ(StrategicMergePatch(Doc("{}"), patch, schema).error().reason,
            Reason::kRequestEntityTooLarge);
}

}  // namespace
}  // namespace wherry::api
