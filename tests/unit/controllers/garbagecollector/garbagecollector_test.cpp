#include "controllers/garbagecollector/decide.h"
#include "controllers/garbagecollector/graph.h"
#include "controllers/garbagecollector/patches.h"
#include "controllers/objects/types.h"
#include "proto/api/core/v1.pb.h"
#include "tests/support/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wherry::controllers::garbagecollector {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using wherry::testing::Parse;

// A pod called like its uid, owned by `owners` with blockOwnerDeletion.
std::shared_ptr<corev1::Pod> Object(const std::string& uid, const std::vector<std::string>& owners,
                                    const std::string& finalizer = "", bool deleting = false) {
  auto pod = std::make_shared<corev1::Pod>();
  auto* meta = pod->mutable_metadata();
  meta->set_uid(uid);
  meta->set_name(uid);
  meta->set_namespace_("n");
  for (const auto& owner : owners) {
    auto* reference = meta->add_ownerreferences();
    reference->set_apiversion("v1");
    reference->set_kind("Pod");
    reference->set_name(owner);
    reference->set_uid(owner);
    reference->set_blockownerdeletion(true);
  }
  if (!finalizer.empty()) meta->add_finalizers(finalizer);
  if (deleting) meta->mutable_deletiontimestamp()->set_seconds(1);
  return pod;
}

Step::Kind KindOf(const Graph& graph, const Uid& uid) { return NextStep(graph, uid).kind; }

TEST(Graph, AnUnseenOwnerIsVerifiedFirst) {
  Graph graph;
  EXPECT_THAT(graph.Update(*Object("child", {"owner"})), ElementsAre("owner"));
  EXPECT_EQ(KindOf(graph, "owner"), Step::Kind::kVerify);
  EXPECT_EQ(graph.Find("owner")->ns, "n");
  // It is not there: the child has lost its owner.
  const Identity owner = graph.Find("owner")->identity();
  EXPECT_THAT(graph.Missing(owner), ElementsAre("child"));
  EXPECT_TRUE(graph.KnownAbsent(owner));
  EXPECT_EQ(KindOf(graph, "child"), Step::Kind::kJudge);
  // Later children of it need no question.
  EXPECT_THAT(graph.Update(*Object("late", {"owner"})), ElementsAre("late"));
}

TEST(Graph, DeletionOfAnOwnerNamesItsDependents) {
  Graph graph;
  graph.Update(*Object("owner", {}));
  EXPECT_THAT(graph.Update(*Object("a", {"owner"})), IsEmpty());
  graph.Update(*Object("b", {"owner"}));
  EXPECT_THAT(graph.Remove("owner"), UnorderedElementsAre("a", "b"));
  EXPECT_EQ(graph.Find("owner"), nullptr);
}

TEST(Graph, ForgetsOwnersNobodyNamesAnyMore) {
  Graph graph;
  graph.Update(*Object("child", {"ghost"}));
  graph.Update(*Object("child", {}));
  EXPECT_EQ(graph.Find("ghost"), nullptr);
  graph.Update(*Object("other", {"ghost"}));
  graph.Remove("other");
  EXPECT_EQ(graph.size(), 1u);
}

// A pod of another namespace that names `owner` as its own namespace's.
std::shared_ptr<corev1::Pod> Elsewhere(const std::string& uid, const std::string& owner) {
  auto pod = Object(uid, {owner});
  pod->mutable_metadata()->set_namespace_("m");
  return pod;
}

TEST(OtherNamespaces, WhoMeansALivingOwnerWronglyIsLookedAt) {
  Graph graph;
  graph.Update(*Object("owner", {}));
  EXPECT_THAT(graph.Update(*Object("child", {"owner"})), IsEmpty());
  EXPECT_THAT(graph.Update(*Elsewhere("stray", "owner")), ElementsAre("stray"));
  // The server finds no such pod in the stray's namespace; the owner lives on.
  const Identity meant{
      .uid = "owner", .kind = graph.Find("owner")->kind, .ns = "m", .name = "owner"};
  EXPECT_THAT(graph.Missing(meant), IsEmpty());
  EXPECT_TRUE(graph.KnownAbsent(meant));
  ASSERT_NE(graph.Find("owner"), nullptr);
  EXPECT_FALSE(graph.KnownAbsent(graph.Find("owner")->identity()));
  EXPECT_THAT(graph.Update(*Object("second", {"owner"})), IsEmpty()) << "its own are not doubted";
}

TEST(OtherNamespaces, AWrongReferenceSeenFirstDoesNotHideTheOwner) {
  Graph graph;
  graph.Update(*Elsewhere("stray", "owner"));
  const Identity meant = graph.Find("owner")->identity();
  EXPECT_EQ(meant.ns, "m");
  EXPECT_THAT(graph.Update(*Object("child", {"owner"})), ElementsAre("child"));
  // Not where the stray means it: looked for where the other means it next.
  EXPECT_THAT(graph.Missing(meant), UnorderedElementsAre("stray", "owner"));
  EXPECT_EQ(graph.Find("owner")->ns, "n");
  EXPECT_EQ(KindOf(graph, "owner"), Step::Kind::kVerify);
  EXPECT_THAT(graph.Update(*Object("owner", {})), ElementsAre("stray"));
  EXPECT_FALSE(graph.KnownAbsent(graph.Find("owner")->identity()));
}

TEST(OtherNamespaces, ObjectsWithoutNamespaceSayNowhereToLook) {
  Graph graph;
  auto node = std::make_shared<corev1::Node>();
  node->mutable_metadata()->set_uid("node");
  node->mutable_metadata()->set_name("node");
  *node->mutable_metadata()->mutable_ownerreferences() =
      Object("any", {"pod"})->metadata().ownerreferences();
  graph.Update(*node);
  EXPECT_EQ(KindOf(graph, "pod"), Step::Kind::kNothing);
}

TEST(Foreground, WaitsForBlockingDependentsThenFinishes) {
  Graph graph;
  graph.Update(*Object("owner", {}));
  graph.Update(*Object("child", {"owner"}));
  EXPECT_THAT(graph.Update(*Object("owner", {}, "foregroundDeletion", true)), ElementsAre("owner"));
  const Step step = NextStep(graph, "owner");
  EXPECT_EQ(step.kind, Step::Kind::kVisit);
  EXPECT_THAT(step.targets, ElementsAre("child"));
  EXPECT_THAT(graph.Remove("child"), ElementsAre("owner"));
  EXPECT_EQ(KindOf(graph, "owner"), Step::Kind::kFinishForeground);
}

TEST(Foreground, NonBlockingDependentsAreNotWaitedFor) {
  Graph graph;
  graph.Update(*Object("owner", {}, "foregroundDeletion", true));
  auto child = Object("child", {"owner"});
  graph.Update(*child);
  EXPECT_EQ(KindOf(graph, "owner"), Step::Kind::kVisit);
  child->mutable_metadata()->mutable_ownerreferences(0)->set_blockownerdeletion(false);
  EXPECT_THAT(graph.Update(*child), ::testing::Contains("owner"));
  EXPECT_EQ(KindOf(graph, "owner"), Step::Kind::kFinishForeground);
}

TEST(Foreground, NonBlockingDependentsGoAtOnceAll) {
  Graph graph;
  graph.Update(*Object("owner", {}));
  auto child = Object("child", {"owner"});
  child->mutable_metadata()->mutable_ownerreferences(0)->set_blockownerdeletion(false);
  graph.Update(*child);
  EXPECT_THAT(graph.Update(*Object("owner", {}, "foregroundDeletion", true)),
              UnorderedElementsAre("owner", "child"));
  EXPECT_EQ(KindOf(graph, "child"), Step::Kind::kJudge);
  // One that is seen after its owner.
  auto late = Object("late", {"owner"});
  late->mutable_metadata()->mutable_ownerreferences(0)->set_blockownerdeletion(false);
  EXPECT_THAT(graph.Update(*late), UnorderedElementsAre("owner", "late"));
  const Verdict verdict = Judge(graph, *graph.Find("child"), {}, {{"owner", OwnerState::kWaiting}});
  EXPECT_EQ(verdict.kind, Verdict::Kind::kDelete);
}

TEST(Orphan, FreesTheDependentsFirst) {
  Graph graph;
  graph.Update(*Object("child", {"owner"}));
  graph.Update(*Object("owner", {}, "orphan", true));
  const Step step = NextStep(graph, "owner");
  EXPECT_EQ(step.kind, Step::Kind::kOrphan);
  EXPECT_THAT(step.targets, ElementsAre("child"));
}

TEST(NextStep, LeavesTheDyingAndTheFreeAlone) {
  Graph graph;
  graph.Update(*Object("free", {}));
  graph.Update(*Object("dying", {"free"}, "", true));
  EXPECT_EQ(KindOf(graph, "free"), Step::Kind::kNothing);
  EXPECT_EQ(KindOf(graph, "dying"), Step::Kind::kNothing);
  EXPECT_EQ(KindOf(graph, "unknown"), Step::Kind::kNothing);
}

TEST(NextStep, OwnersOfUnknownKindsAreNotTouched) {
  Graph graph;
  auto child = Object("child", {"owner"});
  child->mutable_metadata()->mutable_ownerreferences(0)->set_kind("Gadget");
  graph.Update(*child);
  EXPECT_EQ(KindOf(graph, "owner"), Step::Kind::kNothing);
}

TEST(Judge, DecidesByTheOwnersLeft) {
  using K = Verdict::Kind;
  Graph graph;
  graph.Update(*Object("child", {"a", "b"}));
  const Node& child = *graph.Find("child");
  const auto judge = [&](std::vector<Judged> owners, std::vector<std::string> finalizers = {}) {
    return Judge(graph, child, finalizers, owners);
  };
  EXPECT_EQ(judge({}).kind, K::kKeep);
  EXPECT_EQ(judge({{"a", OwnerState::kSolid}, {"b", OwnerState::kSolid}}).kind, K::kKeep);
  const auto mixed = judge({{"a", OwnerState::kSolid}, {"b", OwnerState::kDangling}});
  EXPECT_EQ(mixed.kind, K::kDropOwners);
  EXPECT_THAT(mixed.owners, ElementsAre("b"));
  const auto released = judge({{"a", OwnerState::kSolid}, {"b", OwnerState::kWaiting}});
  EXPECT_THAT(released.owners, ElementsAre("b"));
  EXPECT_EQ(judge({{"a", OwnerState::kDangling}}).policy, "Background");
  EXPECT_EQ(judge({{"a", OwnerState::kWaiting}}).policy, "Background") << "no dependents";
  EXPECT_EQ(judge({{"a", OwnerState::kDangling}}, {"orphan"}).policy, "Orphan");
  EXPECT_EQ(judge({{"a", OwnerState::kDangling}}, {"foregroundDeletion"}).policy, "Foreground");
}

TEST(Judge, ForegroundGoesDownTheTree) {
  Graph graph;
  graph.Update(*Object("root", {}, "foregroundDeletion", true));
  graph.Update(*Object("middle", {"root"}));
  graph.Update(*Object("leaf", {"middle"}));
  const auto verdict = Judge(graph, *graph.Find("middle"), {}, {{"root", OwnerState::kWaiting}});
  EXPECT_EQ(verdict.policy, "Foreground");
  EXPECT_FALSE(verdict.unblock);
}

// pod1 <- pod2 <- pod3 <- pod1, deleted in the foreground at pod1: the circle must open somewhere.
TEST(Judge, OpensCircles) {
  Graph graph;
  graph.Update(*Object("pod1", {"pod3"}, "foregroundDeletion", true));
  graph.Update(*Object("pod2", {"pod1"}));
  graph.Update(*Object("pod3", {"pod2"}));
  EXPECT_THAT(NextStep(graph, "pod1").targets, ElementsAre("pod2"));
  const auto second = Judge(graph, *graph.Find("pod2"), {}, {{"pod1", OwnerState::kWaiting}});
  EXPECT_EQ(second.policy, "Foreground");
  EXPECT_FALSE(second.unblock);
  graph.Update(*Object("pod2", {"pod1"}, "foregroundDeletion", true));
  EXPECT_THAT(NextStep(graph, "pod2").targets, ElementsAre("pod3"));
  const auto third = Judge(graph, *graph.Find("pod3"), {}, {{"pod2", OwnerState::kWaiting}});
  EXPECT_EQ(third.policy, "Foreground");
  EXPECT_TRUE(third.unblock);
}

TEST(Patches, CarryWhatTheyWereMadeFor) {
  EXPECT_EQ(DropOwnersPatch("u", {"a", "b"}),
            R"({"metadata":{"ownerReferences":[{"$patch":"delete","uid":"a"},)"
            R"({"$patch":"delete","uid":"b"}],"uid":"u"}})");
  auto pod = Object("p", {"o"}, "orphan");
  pod->mutable_metadata()->set_resourceversion("7");
  pod->mutable_metadata()->add_finalizers("x/y");
  EXPECT_EQ(RemoveFinalizerPatch(pod->metadata(), "orphan"),
            R"({"metadata":{"finalizers":["x/y"],"resourceVersion":"7"}})");
  EXPECT_EQ(UnblockPatch(pod->metadata()),
            R"({"metadata":{"ownerReferences":[{"apiVersion":"v1","blockOwnerDeletion":false,)"
            R"("kind":"Pod","name":"o","uid":"o"}],"resourceVersion":"7"}})");
}

}  // namespace
}  // namespace wherry::controllers::garbagecollector
