#include "lib/api/references.h"

#include "proto/api/core/v1.pb.h"
#include "tests/support/parse.h"

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <functional>

namespace wherry::api {
namespace {

namespace core = core::v1;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Path = std::vector<const FieldDescriptor*>;
using Strings = std::set<std::string>;

TEST(ReferencesTest, FindsWhatAPodNames) {
  const auto pod = wherry::testing::Parse<core::Pod>(R"({"metadata":{"name":"p"},"spec":{
    "serviceAccountName":"robot","imagePullSecrets":[{"name":"pull"}],
    "initContainers":[{"name":"i","envFrom":[{"configMapRef":{"name":"m1"}}]}],
    "containers":[{"name":"c","env":[
      {"name":"A","valueFrom":{"configMapKeyRef":{"name":"m2","key":"k"}}},
      {"name":"B","valueFrom":{"secretKeyRef":{"name":"s1","key":"k"}}}]}],
    "volumes":[{"name":"v1","configMap":{"name":"m3"}},
      {"name":"v2","projected":{"sources":[{"configMap":{"name":"m4"}},{"secret":{"name":"s2"}},
        {"serviceAccountToken":{"path":"token"}}]}},
      {"name":"v3","persistentVolumeClaim":{"claimName":"data"}},
      {"name":"v4","ephemeral":{"volumeClaimTemplate":{"spec":{}}}}]}})");
  const PodReferences found = ReferencesOf(*pod);
  EXPECT_EQ(found.service_account, "robot");
  EXPECT_EQ(found.secrets, (Strings{"pull", "s1", "s2"}));
  EXPECT_EQ(found.config_maps, (Strings{"m1", "m2", "m3", "m4"}));
  EXPECT_EQ(found.claims, (Strings{"data", "p-v4"}));
  EXPECT_TRUE(found.token_volumes);
}

// The string that names a Secret below a field called after one; null when it is something else.
void NamesBelow(const FieldDescriptor* field, Path path, const std::function<void(Path)>& visit) {
  path.push_back(field);
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    // A path on the node: a file with a key in it.
    if (field->name() == "secretFile" || field->name() == "key") return;
    if (field->name() == "name" || field->name() == "secretName") visit(path);
    return;
  }
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_map()) return;
  const Descriptor& type = *field->message_type();
  if (type.name() == "KeyToPath") return;
  for (int i = 0; i < type.field_count(); ++i) NamesBelow(type.field(i), path, visit);
}

void Walk(const Descriptor& type, const Path& path, const std::function<void(Path)>& visit) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    if (field->lowercase_name().find("secret") != std::string::npos) {
      NamesBelow(field, path, visit);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !field->is_map()) {
      Path below = path;
      below.push_back(field);
      Walk(*field->message_type(), below, visit);
    }
  }
}

void Set(Message& message, const Path& path, size_t at = 0) {
  const auto& reflection = *message.GetReflection();
  const FieldDescriptor* field = path[at];
  if (at + 1 == path.size()) return reflection.SetString(&message, field, "x");
  Message* next = field->is_repeated() ? reflection.AddMessage(&message, field)
                                       : reflection.MutableMessage(&message, field);
  Set(*next, path, at + 1);
}

std::string Text(const Path& path) {
  std::string text;
  for (const FieldDescriptor* field : path) text += "." + std::string(field->name());
  return text;
}

// A new kind of volume that takes a Secret fails here until it is looked at.
TEST(ReferencesTest, MissesNoFieldThatNamesASecret) {
  int fields = 0;
  Walk(*core::PodSpec::descriptor(), {}, [&](const Path& path) {
    ++fields;
    core::Pod pod;
    Set(*pod.mutable_spec(), path);
    EXPECT_EQ(ReferencesOf(pod).secrets, Strings{"x"}) << Text(path);
  });
  EXPECT_GT(fields, 15);
}

TEST(ReferencesTest, MissesNoSecretThatANodeNeedsForAVolume) {
  int fields = 0;
  Walk(*core::PersistentVolumeSource::descriptor(), {}, [&](const Path& path) {
    const std::string text = Text(path);
    core::PersistentVolume volume;
    volume.mutable_spec()->mutable_claimref()->set_namespace_("claims");
    Set(*volume.mutable_spec()->mutable_persistentvolumesource(), path);
    const auto found = NodeSecretsOf(volume);
    if (text.find("controller") != std::string::npos) {
      EXPECT_TRUE(found.empty()) << text << " is not for nodes";
      return;
    }
    ++fields;
    EXPECT_EQ(found, (std::set<std::pair<std::string, std::string>>{{"claims", "x"}})) << text;
  });
  EXPECT_GT(fields, 8);
}

}  // namespace
}  // namespace wherry::api
