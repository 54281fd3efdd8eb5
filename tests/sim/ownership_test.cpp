// What the garbage collector does with owned objects.

#include "proto/api/apps/v1.pb.h"
#include "proto/api/core/v1.pb.h"
#include "tests/sim/cluster_fixture.h"

namespace wherry::sim {
namespace {

namespace apps = api::apps::v1;
namespace core = api::core::v1;

class OwnershipTest : public ClusterTest {
 protected:
  // A pod with these references, JSON objects in a list.
  static std::string PodJson(const std::string& name, const std::string& owners = "") {
    return R"({"metadata":{"name":")" + name + R"(","namespace":"default","ownerReferences":[)" +
           owners + R"(]},"spec":{"containers":[{"name":"c","image":"i"}]}})";
  }
  static std::string Owner(const std::string& name, const std::string& uid) {
    return R"({"apiVersion":"v1","kind":"Pod","name":")" + name + R"(","uid":")" + uid +
           R"(","controller":true,"blockOwnerDeletion":true})";
  }
};

TEST_F(OwnershipTest, BackgroundDeletionTakesSetsAndPods) {
  Deploy(3);
  EXPECT_TRUE(Eventually([&] { return Complete(3); }));
  Delete<apps::Deployment>("default", "web", "Background");
  EXPECT_FALSE(Exists<apps::Deployment>("default", "web"));
  EXPECT_TRUE(Eventually([&] {
    return List<apps::ReplicaSet>("default").empty() &&
           List<core::Pod>("default", "app=web").empty();
  }));
}

TEST_F(OwnershipTest, ForegroundDeletionKeepsTheOwnerToTheEnd) {
  Deploy(3);
  EXPECT_TRUE(Eventually([&] { return Complete(3); }));
  Delete<apps::Deployment>("default", "web", "Foreground");
  EXPECT_TRUE(Exists<apps::Deployment>("default", "web"));
  EXPECT_TRUE(Eventually([&] {
    const bool owner = Exists<apps::Deployment>("default", "web");
    const bool owned = !List<apps::ReplicaSet>("default").empty() ||
                       !List<core::Pod>("default", "app=web").empty();
    EXPECT_TRUE(owner || !owned);
    return !owner;
  }));
}

TEST_F(OwnershipTest, OrphanDeletionFreesTheSetAndANewDeploymentAdoptsIt) {
  Deploy(2);
  EXPECT_TRUE(Eventually([&] { return Complete(2); }));
  Delete<apps::Deployment>("default", "web", "Orphan");
  EXPECT_TRUE(Eventually([&] {
    const auto sets = List<apps::ReplicaSet>("default");
    return !Exists<apps::Deployment>("default", "web") && sets.size() == 1 &&
           sets[0]->metadata().ownerreferences().empty();
  }));
  EXPECT_TRUE(Never([&] { return List<core::Pod>("default", "app=web").size() != 2; }, 5s));
  Deploy(2);
  EXPECT_TRUE(Eventually([&] { return Complete(2); }));
  EXPECT_EQ(List<apps::ReplicaSet>("default").size(), 1u);
}

TEST_F(OwnershipTest, CirclesOfOwnersAreDeleted) {
  const auto pod1 = Create<core::Pod>("default", PodJson("pod1"));
  const auto pod2 =
      Create<core::Pod>("default", PodJson("pod2", Owner("pod1", pod1->metadata().uid())));
  const auto pod3 =
      Create<core::Pod>("default", PodJson("pod3", Owner("pod2", pod2->metadata().uid())));
  Patch<core::Pod>(
      "default", "pod1",
      R"({"metadata":{"ownerReferences":[)" + Owner("pod3", pod3->metadata().uid()) + "]}}");
  Delete<core::Pod>("default", "pod1", "Foreground");
  EXPECT_TRUE(Eventually([&] { return List<core::Pod>("default").empty(); }));
}

TEST_F(OwnershipTest, AnObjectWithALivingOwnerOnlyLosesTheDeadOne) {
  const auto dead = Create<core::Pod>("default", PodJson("dead"));
  const auto alive = Create<core::Pod>("default", PodJson("alive"));
  const auto plain = [](const std::string& name, const std::string& uid) {
    return R"({"apiVersion":"v1","kind":"Pod","name":")" + name + R"(","uid":")" + uid + R"("})";
  };
  Create<core::Pod>("default", PodJson("child", plain("dead", dead->metadata().uid()) + "," +
                                                    plain("alive", alive->metadata().uid())));
  Delete<core::Pod>("default", "dead");
  EXPECT_TRUE(Eventually([&] {
    const auto child = Get<core::Pod>("default", "child");
    return child && child->metadata().ownerreferences_size() == 1 &&
           child->metadata().ownerreferences(0).name() == "alive";
  }));
  Create<core::Pod>("default", PodJson("orphan", plain("ghost", "no-such-uid")));
  EXPECT_TRUE(Eventually([&] { return !Exists<core::Pod>("default", "orphan"); }));
  EXPECT_TRUE(Exists<core::Pod>("default", "child"));
}

// An owner of another namespace does not count: the object is deleted, an event says why, and what
// the owner really owns lives on.
TEST_F(OwnershipTest, OwnersOfOtherNamespacesDoNotCount) {
  Create<core::Namespace>("", R"({"metadata":{"name":"other"}})");
  EXPECT_TRUE(Eventually([&] { return Exists<core::ServiceAccount>("other", "default"); }));
  const auto owner = Create<core::ConfigMap>("other", R"({"metadata":{"name":"owner"}})");
  const std::string reference =
      R"({"metadata":{"name":"NAME","ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap",
          "name":"owner","uid":")" +
      owner->metadata().uid() + R"("}]}})";
  const auto named = [&](const std::string& name) {
    std::string json = reference;
    return json.replace(json.find("NAME"), 4, name);
  };
  Create<core::ConfigMap>("default", named("stray"));
  Create<core::ConfigMap>("other", named("child"));
  EXPECT_TRUE(Eventually([&] { return !Exists<core::ConfigMap>("default", "stray"); }));
  EXPECT_TRUE(Eventually([&] {
    return HasEvent("OwnerRefInvalidNamespace", "name: owner, uid: " + owner->metadata().uid() +
                                                    "] does not exist in namespace \"default\"");
  }));
  EXPECT_TRUE(Never([&] { return !Exists<core::ConfigMap>("other", "child"); }, 5s));
}

}  // namespace
}  // namespace wherry::sim
