#include "controllers/deployment/replica_sets.h"

#include "controllers/deployment/names.h"
#include "proto/api/apps/v1.pb.h"
#include "tests/support/parse.h"

#include <gtest/gtest.h>

namespace wherry::controllers::deployment {
namespace {

using wherry::testing::Parse;

Draft Set(const std::string& name, int replicas, int64_t created, const std::string& revision) {
  auto set = std::make_shared<appsv1::ReplicaSet>();
  set->mutable_metadata()->set_name(name);
  set->mutable_metadata()->mutable_creationtimestamp()->set_seconds(created);
  if (!revision.empty()) (*set->mutable_metadata()->mutable_annotations())[kRevision] = revision;
  set->mutable_spec()->set_replicas(replicas);
  return set;
}

std::vector<std::string> Names(const Drafts& sets) {
  std::vector<std::string> names;
  for (const auto& set : sets) names.push_back(set->metadata().name());
  return names;
}

TEST(TemplateHash, IsStableAndLooksLikeAGeneratedName) {
  const auto pod = Parse<corev1::PodTemplateSpec>(
      R"({"metadata":{"labels":{"app":"web","tier":"a"}},"spec":{"containers":[{"name":"c","image":"i"}]}})");
  const std::string hash = TemplateHash(*pod, std::nullopt);
  EXPECT_EQ(hash, TemplateHash(*pod, std::nullopt));
  EXPECT_LE(hash.size(), 10u);
  EXPECT_EQ(hash.find_first_not_of("bcdf456789"), std::string::npos) << hash;
  EXPECT_NE(hash, TemplateHash(*pod, 1));
  EXPECT_NE(TemplateHash(*pod, 1), TemplateHash(*pod, 2));
  auto other = *pod;
  other.mutable_spec()->mutable_containers(0)->set_image("j");
  EXPECT_NE(hash, TemplateHash(other, std::nullopt));
}

TEST(SameTemplate, IgnoresTheHashLabelAndEmptyFields) {
  const auto plain = Parse<corev1::PodTemplateSpec>(R"({"metadata":{"labels":{"app":"web"}}})");
  auto hashed = *plain;
  (*hashed.mutable_metadata()->mutable_labels())[kPodTemplateHash] = "abc";
  hashed.mutable_spec()->set_hostname("");
  EXPECT_TRUE(SameTemplate(*plain, hashed));
  (*hashed.mutable_metadata()->mutable_labels())["x"] = "y";
  EXPECT_FALSE(SameTemplate(*plain, hashed));
}

TEST(Sorting, BreaksTiesByAgeAndName) {
  Drafts sets = {Set("b", 2, 10, ""), Set("a", 2, 10, ""), Set("c", 5, 20, ""), Set("d", 2, 5, "")};
  SortOldestFirst(sets);
  EXPECT_EQ(Names(sets), (std::vector<std::string>{"d", "a", "b", "c"}));
  SortLargestThenNewest(sets);
  EXPECT_EQ(Names(sets), (std::vector<std::string>{"c", "b", "a", "d"}));
  SortLargestThenOldest(sets);
  EXPECT_EQ(Names(sets), (std::vector<std::string>{"c", "d", "a", "b"}));
}

TEST(Revisions, AreReadFromAnnotations) {
  const Drafts sets = {Set("a", 0, 1, "2"), Set("b", 0, 2, "7"), Set("c", 0, 3, "x"),
                       Set("d", 0, 4, "5")};
  EXPECT_EQ(MaxRevision(sets), 7);
  EXPECT_EQ(LastRevision(sets), 5);
  EXPECT_EQ(LastRevision({sets[0]}), 0);
  EXPECT_FALSE(IntAnnotation(sets[2]->metadata(), kRevision));
}

TEST(FindActiveOrLatest, NeedsAtMostOneActiveSet) {
  const auto fresh = Set("new", 0, 30, "3");
  const auto old_idle = Set("old", 0, 10, "1");
  const auto old_active = Set("busy", 4, 20, "2");
  EXPECT_EQ(FindActiveOrLatest(fresh, {old_idle}), fresh);
  EXPECT_EQ(FindActiveOrLatest(fresh, {old_idle, old_active}), old_active);
  EXPECT_EQ(FindActiveOrLatest(nullptr, {old_idle, Set("older", 0, 5, "1")}), old_idle);
  EXPECT_EQ(FindActiveOrLatest(nullptr, {}), nullptr);
  EXPECT_EQ(FindActiveOrLatest(Set("new", 1, 30, "3"), {old_active}), nullptr);
}

TEST(NewReplicaSetAnnotations, CopyWhatUsersWroteAndKeepHistory) {
  auto deployment = Parse<appsv1::Deployment>(
      R"({"metadata":{"annotations":{"kubernetes.io/change-cause":"try","deployment.kubernetes.io/revision":"9",
          "kubectl.kubernetes.io/last-applied-configuration":"{}"}},"spec":{"replicas":3}})");
  auto set = Set("a", 3, 1, "2");
  EXPECT_TRUE(SetNewReplicaSetAnnotations(*deployment, 4, true, set.get()));
  const auto& annotations = set->metadata().annotations();
  EXPECT_EQ(annotations.at(kRevision), "4");
  EXPECT_EQ(annotations.at(kRevisionHistory), "2");
  EXPECT_EQ(annotations.at("kubernetes.io/change-cause"), "try");
  EXPECT_FALSE(annotations.contains(kLastApplied));
  EXPECT_FALSE(SetNewReplicaSetAnnotations(*deployment, 3, true, set.get())) << "never goes back";
  EXPECT_TRUE(SetNewReplicaSetAnnotations(*deployment, 6, true, set.get()));
  EXPECT_EQ(set->metadata().annotations().at(kRevisionHistory), "2,4");
}

TEST(NewReplicaSetAnnotations, HistoryStaysWithinItsBound) {
  auto set = Set("a", 1, 1, "1");
  appsv1::Deployment deployment;
  for (int64_t revision = 2; revision < 2000; ++revision)
    SetNewReplicaSetAnnotations(deployment, revision, true, set.get());
  const std::string& history = set->metadata().annotations().at(kRevisionHistory);
  EXPECT_LE(history.size(), 2000u);
  EXPECT_TRUE(history.ends_with(",1998")) << history;
}

}  // namespace
}  // namespace wherry::controllers::deployment
