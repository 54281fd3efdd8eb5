// Shows where pods go that want to be near others or away from them.

#include "tests/unit/scheduler/cycle/schedule_fixture.h"

#include <random>
#include <set>

namespace wherry::scheduler::cycle {
namespace {

core::PodAffinityTerm Term(const std::string& topology, const std::string& app) {
  core::PodAffinityTerm term;
  term.set_topologykey(topology);
  (*term.mutable_labelselector()->mutable_matchlabels())["app"] = app;
  return term;
}

class InterPodAffinityTest : public ScheduleTest {
 protected:
  InterPodAffinityTest() {
    for (const char* name : {"a1", "a2", "b1"}) {
      (*AddNode(name).mutable_metadata()->mutable_labels())["zone"] = std::string(1, name[0]);
    }
  }
  static core::Pod AppPod(const std::string& app, const std::string& ns = "default") {
    static int made = 0;
    core::Pod pod = MakePod(app + std::to_string(++made));
    pod.mutable_metadata()->set_namespace_(ns);
    (*pod.mutable_metadata()->mutable_labels())["app"] = app;
    return pod;
  }
  static void Require(core::Pod& pod, const core::PodAffinityTerm& term) {
    *pod.mutable_spec()
         ->mutable_affinity()
         ->mutable_podaffinity()
         ->add_requiredduringschedulingignoredduringexecution() = term;
  }
  static void Avoid(core::Pod& pod, const core::PodAffinityTerm& term) {
    *pod.mutable_spec()
         ->mutable_affinity()
         ->mutable_podantiaffinity()
         ->add_requiredduringschedulingignoredduringexecution() = term;
  }
  static void Prefer(core::Pod& pod, const core::PodAffinityTerm& term, int weight) {
    auto* affinity = pod.mutable_spec()->mutable_affinity();
    auto* preferred =
        weight > 0
            ? affinity->mutable_podaffinity()->add_preferredduringschedulingignoredduringexecution()
            : affinity->mutable_podantiaffinity()
                  ->add_preferredduringschedulingignoredduringexecution();
    preferred->set_weight(std::abs(weight));
    *preferred->mutable_podaffinityterm() = term;
  }
  // Every node that may be chosen among equals.
  std::set<std::string> Choices(const core::Pod& pod) {
    std::set<std::string> nodes;
    for (uint64_t tie = 0; tie < 6; ++tie) nodes.insert(Run(pod, tie).placement.node_name);
    return nodes;
  }
};

using Nodes = std::set<std::string>;

TEST_F(InterPodAffinityTest, RequiredAffinityGoesWhereTheOthersAre) {
  core::Pod web = AppPod("web");
  Require(web, Term("zone", "db"));
  EXPECT_EQ(Run(web).fit_error.Message(),
            "0/3 nodes are available: 3 node(s) didn't match pod affinity rules.");
  Place(AppPod("db"), "a1");
  EXPECT_EQ(Choices(web), (Nodes{"a2"})) << "in the zone, and the emptier of the two";
  web.mutable_metadata()->set_namespace_("other");
  EXPECT_FALSE(Run(web).scheduled) << "terms look into the pod's own namespace";
}

TEST_F(InterPodAffinityTest, TheFirstOfAGroupGoesAnywhereThatHasTheTopology) {
  core::Pod web = AppPod("web");
  Require(web, Term("zone", "web"));
  AddNode("nowhere");
  EXPECT_EQ(Choices(web), (Nodes{"a1", "a2", "b1"}));
  Place(AppPod("web"), "b1");
  EXPECT_EQ(Choices(web), (Nodes{"b1"}));
}

TEST_F(InterPodAffinityTest, SeveralTermsMustHoldForOnePod) {
  core::Pod web = AppPod("web");
  Require(web, Term("zone", "db"));
  core::PodAffinityTerm fast = Term("zone", "db");
  fast.mutable_labelselector()->clear_matchlabels();
  (*fast.mutable_labelselector()->mutable_matchlabels())["disk"] = "fast";
  Require(web, fast);
  Place(AppPod("db"), "a1");
  core::Pod other = AppPod("cache");
  (*other.mutable_metadata()->mutable_labels())["disk"] = "fast";
  Place(other, "a1");
  EXPECT_FALSE(Run(web).scheduled) << "one pod matches the one, another the other";
  core::Pod both = AppPod("db");
  (*both.mutable_metadata()->mutable_labels())["disk"] = "fast";
  Place(both, "b1");
  EXPECT_EQ(Choices(web), (Nodes{"b1"}));
}

TEST_F(InterPodAffinityTest, RequiredAntiAffinityKeepsApart) {
  core::Pod web = AppPod("web");
  Avoid(web, Term("zone", "db"));
  Place(AppPod("db"), "a1");
  EXPECT_EQ(Choices(web), (Nodes{"b1"}));
  Place(AppPod("db"), "b1");
  EXPECT_EQ(Run(web).fit_error.Message(),
            "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.");
}

TEST_F(InterPodAffinityTest, PlacedPodsKeepOthersAway) {
  core::Pod db = AppPod("db");
  Avoid(db, Term("zone", "web"));
  Place(db, "a1");
  EXPECT_EQ(Choices(AppPod("web")), (Nodes{"b1"}));
  EXPECT_EQ(Choices(AppPod("web", "other")), (Nodes{"a2", "b1"})) << "another namespace";
  core::Pod other = db;
  other.mutable_metadata()->set_uid("other");
  Place(other, "b1");
  EXPECT_EQ(Run(AppPod("web")).fit_error.Message(),
            "0/3 nodes are available: 3 node(s) didn't satisfy existing pods anti-affinity rules.");
}

TEST_F(InterPodAffinityTest, NamespacesBySelectorAndByName) {
  namespaces_["team"] = {{"kind", "team"}};
  namespaces_["guest"] = {};
  core::Pod web = AppPod("web");
  core::PodAffinityTerm term = Term("zone", "db");
  (*term.mutable_namespaceselector()->mutable_matchlabels())["kind"] = "team";
  Require(web, term);
  Place(AppPod("db", "guest"), "a1");
  EXPECT_FALSE(Run(web).scheduled);
  Place(AppPod("db", "team"), "b1");
  EXPECT_EQ(Choices(web), (Nodes{"b1"}));

  core::Pod by_name = AppPod("web");
  core::PodAffinityTerm named = Term("zone", "db");
  named.add_namespaces("guest");
  Require(by_name, named);
  EXPECT_EQ(Choices(by_name), (Nodes{"a2"}));
  core::Pod anywhere = AppPod("web");
  core::PodAffinityTerm every = Term("kubernetes.io/hostname", "db");
  every.mutable_namespaceselector();
  Avoid(anywhere, every);
  EXPECT_EQ(Choices(anywhere), (Nodes{"a2"})) << "an empty selector is all namespaces";
}

TEST_F(InterPodAffinityTest, PreferencesOfBothSidesCount) {
  core::Pod web = AppPod("web");
  Prefer(web, Term("kubernetes.io/hostname", "db"), 10);
  Place(AppPod("db"), "a1");
  EXPECT_EQ(Choices(web), (Nodes{"a1"}));
  core::Pod grumpy = AppPod("grumpy");
  Prefer(grumpy, Term("kubernetes.io/hostname", "web"), -50);
  Place(grumpy, "a1");
  EXPECT_EQ(Choices(web), (Nodes{"a2", "b1"}));

  // Required affinity of a placed pod is a mild wish to have the other near.
  core::Pod friendly = AppPod("friendly");
  Require(friendly, Term("kubernetes.io/hostname", "plain"));
  Place(friendly, "b1");
  EXPECT_EQ(Choices(AppPod("plain")), (Nodes{"b1"}));
}

// What is kept up to date pod by pod must come to what one walk over all pods gives.
TEST(AffinityIndexTest, EqualsAFreshCountAfterManyChanges) {
  cache::Cache cache;
  std::mt19937 random(7);
  auto node = [&](int number, int zone) {
    auto object = std::make_shared<core::Node>();
    object->mutable_metadata()->set_name("n" + std::to_string(number));
    if (zone > 0) {
      (*object->mutable_metadata()->mutable_labels())["zone"] = "z" + std::to_string(zone);
    }
    return object;
  };
  std::vector<framework::AffinityTermPtr> terms;
  std::map<std::string, framework::PodInfoPtr> pods;
  for (int app = 0; app < 3; ++app) {
    core::Pod owner = core::Pod();
    owner.mutable_metadata()->set_namespace_("default");
    *owner.mutable_spec()
         ->mutable_affinity()
         ->mutable_podaffinity()
         ->add_requiredduringschedulingignoredduringexecution() =
        Term("zone", "app" + std::to_string(app));
    terms.push_back(framework::PodAffinityOf(owner)->required.front());
  }
  for (int step = 0; step < 2000; ++step) {
    const int number = static_cast<int>(random() % 5);
    const std::string uid = "pod" + std::to_string(random() % 40);
    switch (random() % 8) {
      case 0:
        cache.SetNode(node(number, static_cast<int>(random() % 3)));
        break;
      case 1:
        if (random() % 4 == 0) cache.RemoveNode("n" + std::to_string(number));
        break;
      case 2:
      case 3:
        cache.RemovePod(uid);
        break;
      default: {
        auto pod = std::make_shared<core::Pod>();
        pod->mutable_metadata()->set_uid(uid);
        pod->mutable_metadata()->set_namespace_(random() % 3 == 0 ? "other" : "default");
        (*pod->mutable_metadata()->mutable_labels())["app"] = "app" + std::to_string(random() % 3);
        pod->mutable_spec()->set_nodename("n" + std::to_string(number));
        cache.SetPod(std::make_shared<const framework::PodInfo>(pod));
      }
    }
    for (const auto& term : terms) {
      framework::AffinityIndex fresh;
      EXPECT_EQ(*cache.indexes().affinity.Matching({term}, cache.Nodes()).front(),
                *fresh.Matching({term}, cache.Nodes()).front());
    }
    if (testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace wherry::scheduler::cycle
