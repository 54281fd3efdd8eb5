#include "controllers/replicaset/adapter.h"

#include "controllers/replicaset/reconcile.h"
#include "lib/api/codec.h"
#include "proto/api/apps/v1.pb.h"
#include "proto/api/core/v1.pb.h"
#include "tests/support/parse.h"

#include <gtest/gtest.h>

namespace wherry::controllers::replicaset {
namespace {

client::MessagePtr StoredController() {
  return wherry::testing::Parse<corev1::ReplicationController>(R"({
    "metadata": {"name": "web", "namespace": "default", "uid": "u1", "generation": 2},
    "spec": {"replicas": 3, "minReadySeconds": 5, "selector": {"app": "web"},
             "template": {"metadata": {"labels": {"app": "web"}},
                          "spec": {"containers": [{"name": "c", "image": "i"}]}}},
    "status": {"replicas": 3, "fullyLabeledReplicas": 2, "readyReplicas": 2, "availableReplicas": 1,
               "observedGeneration": 2,
               "conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
                               "message": "no quota",
                               "lastTransitionTime": "2023-11-14T22:11:20Z"}]}})");
}

// Nothing is lost on the way to the view and back.
TEST(ReplicationControllerAdapter, SeesAControllerAsAReplicaSetAndBack) {
  const Adapter adapter = ReplicationControllerAdapter();
  const auto stored = StoredController();
  const auto view = adapter.view(stored);
  EXPECT_EQ(view->spec().replicas(), 3);
  EXPECT_EQ(view->spec().selector().matchlabels().at("app"), "web");
  EXPECT_EQ(api::ToJson(*adapter.stored(view)), api::ToJson(*stored));
}

TEST(ReplicationControllerAdapter, HasNoViewOfNothing) {
  EXPECT_EQ(ReplicationControllerAdapter().view(nullptr), nullptr);
}

// Pods name the stored object as their controller.
TEST(ReplicationControllerAdapter, PodsBelongToTheController) {
  const Adapter adapter = ReplicationControllerAdapter();
  const auto view = adapter.view(StoredController());
  const auto pod = MakePod(*view, *adapter.stored(view), "web-abcde");
  ASSERT_EQ(pod->metadata().ownerreferences_size(), 1);
  EXPECT_EQ(pod->metadata().ownerreferences(0).apiversion(), "v1");
  EXPECT_EQ(pod->metadata().ownerreferences(0).kind(), "ReplicationController");
  EXPECT_EQ(pod->metadata().ownerreferences(0).uid(), "u1");
}

TEST(ReplicaSetAdapter, SharesTheStoredObject) {
  const Adapter adapter = ReplicaSetAdapter();
  const client::MessagePtr stored = std::make_shared<appsv1::ReplicaSet>();
  EXPECT_EQ(adapter.stored(adapter.view(stored)), stored);
}

}  // namespace
}  // namespace wherry::controllers::replicaset
