#include "lib/api/kind_registry.h"

#include "lib/api/schema.h"
#include "proto/api/core/v1.pb.h"

#include <gtest/gtest.h>

namespace wherry::api {
namespace {

TEST(KindRegistry, FindsByKindResourceAndType) {
  const KindInfo* deployment = FindKind("apps", "v1", "Deployment");
  ASSERT_NE(deployment, nullptr);
  EXPECT_EQ(deployment->ApiVersion(), "apps/v1");
  EXPECT_EQ(deployment->plural, "deployments");
  EXPECT_EQ(deployment->short_names, std::vector<std::string>{"deploy"});
  EXPECT_EQ(deployment->categories, std::vector<std::string>{"all"});
  EXPECT_TRUE(deployment->namespaced);
  EXPECT_EQ(FindResource("apps", "v1", "deployments"), deployment);
  EXPECT_EQ(FindResource("", "v1", "pods"), &KindOf<core::v1::Pod>());
  EXPECT_FALSE(KindOf<core::v1::Node>().namespaced);
  EXPECT_EQ(FindKind("apps", "v1", "Pod"), nullptr);
  EXPECT_EQ(FindResource("", "v1", "statuses"), nullptr);
}

TEST(KindRegistry, EveryResourceHasAListAndMetadata) {
  ASSERT_FALSE(AllResources().empty());
  for (const KindInfo* kind : AllResources()) {
    ASSERT_NE(kind->list_prototype, nullptr) << kind->kind;
    EXPECT_EQ(FindKind(kind->group_version.group, kind->group_version.version, kind->list_kind)
                  ->prototype,
              kind->list_prototype);
    EXPECT_NE(kind->schema->Find("metadata"), nullptr) << kind->kind;
    EXPECT_EQ(FindResource(kind->group_version.group, kind->group_version.version, kind->plural),
              kind);
  }
  EXPECT_EQ(AllGroupVersions().front().String(), "v1");
}

TEST(Schema, DescribesFields) {
  const Schema& pod = *KindOf<core::v1::Pod>().schema;
  EXPECT_EQ(pod.definition_name(), "io.k8s.api.core.v1.Pod");
  const Schema& spec = *pod.Find("spec")->schema;
  const FieldSchema* containers = spec.Find("containers");
  ASSERT_NE(containers, nullptr);
  EXPECT_TRUE(containers->required);
  EXPECT_TRUE(containers->patch_merge);
  EXPECT_EQ(containers->merge_key, "name");
  EXPECT_EQ(spec.Find("nonesuch"), nullptr);
  const Schema& container = *containers->schema->element();
  EXPECT_EQ(container.Find("ports")->list_type, "map");
  EXPECT_EQ(container.Find("ports")->map_keys,
            (std::vector<std::string>{"containerPort", "protocol"}));
  // The members of an inlined message are the outer object's.
  const Schema& volume = *spec.Find("volumes")->schema->element();
  EXPECT_EQ(volume.Find("volumeSource"), nullptr);
  EXPECT_EQ(volume.Find("emptyDir")->path.size(), 2U);
  EXPECT_EQ(pod.Find("metadata")->schema->definition_name(),
            "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
}

}  // namespace
}  // namespace wherry::api
