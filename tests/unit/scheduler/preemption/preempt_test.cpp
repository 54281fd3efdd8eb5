// Shows which pods have to go so that one of higher priority fits.

#include "scheduler/preemption/preempt.h"

#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/meta/v1.pb.h"
#include "proto/api/policy/v1.pb.h"
#include "scheduler/cycle/schedule.h"

#include <gtest/gtest.h>

namespace wherry::scheduler::preemption {
namespace {

namespace core = api::core::v1;
using framework::PodInfo;
using Names = std::vector<std::string>;

class PreemptTest : public testing::Test {
 protected:
  void AddNode(const std::string& name, const std::string& cpu = "1") {
    auto node = std::make_shared<core::Node>();
    node->mutable_metadata()->set_name(name);
    (*node->mutable_metadata()->mutable_labels())["kubernetes.io/hostname"] = name;
    auto& allocatable = *node->mutable_status()->mutable_allocatable();
    allocatable["cpu"].set_string(cpu);
    allocatable["memory"].set_string("4Gi");
    allocatable["pods"].set_string("110");
    cache_.SetNode(node);
  }
  static core::Pod MakePod(const std::string& name, const std::string& cpu, int priority,
                           int started = 0) {
    core::Pod pod;
    pod.mutable_metadata()->set_name(name);
    pod.mutable_metadata()->set_namespace_("default");
    pod.mutable_metadata()->set_uid(name);
    (*pod.mutable_metadata()->mutable_labels())["name"] = name;
    pod.mutable_spec()->set_priority(priority);
    (*pod.mutable_spec()->add_containers()->mutable_resources()->mutable_requests())["cpu"]
        .set_string(cpu);
    pod.mutable_status()->mutable_starttime()->set_seconds(started);
    return pod;
  }
  void Place(core::Pod pod, const std::string& node) {
    pod.mutable_spec()->set_nodename(node);
    cache_.SetPod(std::make_shared<const PodInfo>(std::make_shared<core::Pod>(pod)));
  }
  std::optional<Candidate> Find(const core::Pod& pod) {
    std::optional<Candidate> candidate;
    TaskScope scope(loop_);
    scope.Spawn("find", Store(Finding(pod), &candidate, &why_not_));
    sim_.Settle();
    EXPECT_EQ(scope.size(), 0u);
    for (const framework::NodeInfo* node : cache_.Nodes()) {
      EXPECT_EQ(node->pods().size(), node->name() == "full" ? 4u : node->pods().size());
    }
    return candidate;
  }
  Task<Search> Finding(const core::Pod& pod) {
    auto info = std::make_shared<const PodInfo>(std::make_shared<core::Pod>(pod));
    return FindCandidate(loop_, plugins_, std::move(info), cache_, budgets_, 0);
  }
  static Task<void> Store(Task<Search> task, std::optional<Candidate>* out, std::string* why_not) {
    Search search = co_await std::move(task);
    *out = std::move(search.candidate);
    *why_not = search.fit_error.Message();
  }
  static Names NamesOf(const std::optional<Candidate>& candidate) {
    Names names;
    if (!candidate) return names;
    for (const auto& victim : candidate->victims) names.push_back(victim->pod->metadata().name());
    return names;
  }

  SimWorld sim_{1};
  Loop& loop_ = sim_.world().loop;
  cache::Cache cache_;
  framework::Plugins plugins_ = cycle::DefaultPlugins(cache_.indexes());
  Budgets budgets_;
  std::string why_not_;  // of the last search
};

TEST_F(PreemptTest, AsFewAsNeedToGoAndTheLeastImportant) {
  AddNode("full");
  Place(MakePod("a", "200m", 5), "full");
  Place(MakePod("b", "300m", 1), "full");
  Place(MakePod("c", "300m", 3), "full");
  Place(MakePod("d", "200m", 9), "full");
  EXPECT_EQ(NamesOf(Find(MakePod("urgent", "300m", 7))), (Names{"b"}));
  EXPECT_EQ(NamesOf(Find(MakePod("urgent", "600m", 7))), (Names{"c", "b"}));
  EXPECT_EQ(NamesOf(Find(MakePod("urgent", "900m", 7))), Names{}) << "d is more important";
  EXPECT_EQ(NamesOf(Find(MakePod("humble", "300m", 1))), Names{}) << "equals stay";
  // The dry runs have left everything as it was.
  EXPECT_EQ(cache_.Nodes().front()->requested().cpu_milli, 1000);
}

TEST_F(PreemptTest, SaysWhyNobodyHasToGo) {
  AddNode("small");
  Place(MakePod("humble", "500m", 1), "small");
  AddNode("important");
  Place(MakePod("boss", "1", 9), "important");
  AddNode("cordoned");
  auto cordoned = std::make_shared<core::Node>(cache_.Find("cordoned")->node());
  cordoned->mutable_spec()->set_unschedulable(true);
  cache_.SetNode(cordoned);
  Place(MakePod("there", "1", 1), "cordoned");
  EXPECT_EQ(NamesOf(Find(MakePod("urgent", "2", 7))), Names{});
  EXPECT_EQ(why_not_,
            "0/3 nodes are available: 1 Insufficient cpu, 1 No preemption victims found for "
            "incoming pod, 1 Preemption is not helpful for scheduling.");
}

TEST_F(PreemptTest, TheNodeThatLosesLeast) {
  for (const char* name : {"n1", "n2", "n3", "n4"}) AddNode(name);
  Place(MakePod("high", "1", 5), "n1");
  Place(MakePod("low1", "500m", 1), "n2");
  Place(MakePod("low2", "500m", 1), "n2");
  Place(MakePod("old", "1", 1, 100), "n3");
  Place(MakePod("young", "1", 1, 200), "n4");
  EXPECT_EQ(NamesOf(Find(MakePod("urgent", "1", 7))), (Names{"young"}));
}

TEST_F(PreemptTest, BudgetsAreKeptWhereTheyCan) {
  AddNode("n1");
  AddNode("n2");
  Place(MakePod("guarded", "1", 1), "n1");
  Place(MakePod("free", "1", 5), "n2");
  auto budget = std::make_shared<api::policy::v1::PodDisruptionBudget>();
  budget->mutable_metadata()->set_namespace_("default");
  (*budget->mutable_spec()->mutable_selector()->mutable_matchlabels())["name"] = "guarded";
  budgets_ = {budget};
  EXPECT_EQ(NamesOf(Find(MakePod("urgent", "1", 7))), (Names{"free"}));
  auto roomy = std::make_shared<api::policy::v1::PodDisruptionBudget>(*budget);
  roomy->mutable_status()->set_disruptionsallowed(1);
  budgets_ = {roomy};
  EXPECT_EQ(NamesOf(Find(MakePod("urgent", "1", 7))), (Names{"guarded"}));
}

TEST_F(PreemptTest, AntiAffinityIsLiftedWithThePodThatHasIt) {
  AddNode("n1", "4");
  core::Pod grumpy = MakePod("grumpy", "100m", 1);
  auto* term = grumpy.mutable_spec()
                   ->mutable_affinity()
                   ->mutable_podantiaffinity()
                   ->add_requiredduringschedulingignoredduringexecution();
  term->set_topologykey("kubernetes.io/hostname");
  term->mutable_labelselector();
  Place(grumpy, "n1");
  Place(MakePod("other", "100m", 1), "n1");
  EXPECT_EQ(NamesOf(Find(MakePod("urgent", "1", 7))), (Names{"grumpy"}));
}

// Counts what is done for a whole cluster at once.
class CountingPlugin : public framework::Plugin {
 public:
  struct Filter : framework::NodeFilter {
    explicit Filter(const CountingPlugin& the_plugin) : plugin(the_plugin) {}
    std::vector<framework::Rejection> Check(const framework::NodeInfo&) const override {
      return {};
    }
    void FollowPod(const PodInfo&, const framework::NodeInfo&, int64_t by) override {
      plugin.balance += by;
    }
    const CountingPlugin& plugin;
  };
  std::string_view name() const override { return "Counting"; }
  std::unique_ptr<framework::NodeFilter> PrepareFilter(const PodInfo&,
                                                       const framework::Snapshot&) const override {
    ++prepared;
    return std::make_unique<Filter>(*this);
  }
  mutable int prepared = 0;
  mutable int64_t balance = 0;
};

TEST_F(PreemptTest, FiltersAreMadeOnceAndFollowTheDryRuns) {
  for (const char* name : {"n1", "n2", "n3"}) {
    AddNode(name);
    for (const char* pod : {"a", "b", "c", "d"}) {
      Place(MakePod(std::string(name) + pod, "250m", 1), name);
    }
  }
  auto counting = std::make_unique<CountingPlugin>();
  const CountingPlugin& counts = *counting;
  plugins_.push_back(std::move(counting));
  EXPECT_EQ(NamesOf(Find(MakePod("urgent", "500m", 7))).size(), 2u);
  EXPECT_EQ(counts.prepared, 1);
  EXPECT_EQ(counts.balance, 0) << "as many put back as taken out";
}

TEST_F(PreemptTest, OthersTakeTurnsAndMayChangeTheCluster) {
  for (const char* name : {"n1", "n2", "n3"}) {
    AddNode(name);
    Place(MakePod(std::string("pod-") + name, "1", name == std::string("n1") ? 5 : 1), name);
  }
  std::optional<Candidate> candidate;
  TaskScope scope(loop_);
  scope.Spawn("find", Store(Finding(MakePod("urgent", "1", 7)), &candidate, &why_not_));
  auto change = [](Loop& loop, cache::Cache& cache) -> Task<void> {
    co_await Yield(loop);
    for (const char* name : {"n2", "n3"}) {
      cache.RemovePod(std::string("pod-") + name);
      cache.RemoveNode(name);
    }
  };
  scope.Spawn("change", change(loop_, cache_));
  sim_.Settle();
  ASSERT_TRUE(candidate);
  EXPECT_NE(candidate->node_name, "n3") << "it went before it was looked at";
}

TEST_F(PreemptTest, SpreadConstraintsSeeWhoGoes) {
  for (const char* name : {"n1", "n2"}) AddNode(name, "4");
  for (const char* name : {"one", "two"}) {
    core::Pod pod = MakePod(name, "100m", 1);
    (*pod.mutable_metadata()->mutable_labels())["app"] = "web";
    Place(pod, "n1");
  }
  Place(MakePod("stranger", "100m", 1), "n1");
  Place(MakePod("big", "4", 8), "n2");
  core::Pod urgent = MakePod("urgent", "100m", 7);
  (*urgent.mutable_metadata()->mutable_labels())["app"] = "web";
  auto* spread = urgent.mutable_spec()->add_topologyspreadconstraints();
  spread->set_topologykey("kubernetes.io/hostname");
  spread->set_maxskew(2);
  spread->set_whenunsatisfiable("DoNotSchedule");
  (*spread->mutable_labelselector()->mutable_matchlabels())["app"] = "web";
  const Names victims = NamesOf(Find(urgent));
  ASSERT_EQ(victims.size(), 1u) << "one of the two may stay, and so may the stranger";
  EXPECT_NE(victims[0], "stranger");
}

TEST_F(PreemptTest, RoomThatIsPromisedIsNotGivenAway) {
  AddNode("n1");
  const PodInfo humble(std::make_shared<core::Pod>(MakePod("humble", "500m", 1)));
  const auto urgent =
      std::make_shared<const PodInfo>(std::make_shared<core::Pod>(MakePod("urgent", "800m", 7)));
  size_t start = 0;
  cache_.Nominate(urgent, "n1");
  EXPECT_FALSE(cycle::Schedule(plugins_, humble, cache_.Nodes(), start, 0).scheduled);
  EXPECT_TRUE(cycle::Schedule(plugins_, *urgent, cache_.Nodes(), start, 0).scheduled);
  const PodInfo boss(std::make_shared<core::Pod>(MakePod("boss", "500m", 9)));
  EXPECT_TRUE(cycle::Schedule(plugins_, boss, cache_.Nodes(), start, 0).scheduled);
  cache_.Unnominate("urgent");
  EXPECT_TRUE(cycle::Schedule(plugins_, humble, cache_.Nodes(), start, 0).scheduled);
}

TEST_F(PreemptTest, OnePreemptionAtATime) {
  AddNode("n1");
  core::Pod going = MakePod("going", "1", 1);
  Place(going, "n1");
  const auto urgent =
      std::make_shared<const PodInfo>(std::make_shared<core::Pod>(MakePod("urgent", "1", 7)));
  EXPECT_EQ(WhyNotEligible(*urgent, cache_), "");
  cache_.Nominate(urgent, "n1");
  EXPECT_EQ(WhyNotEligible(*urgent, cache_), "");
  going.mutable_metadata()->mutable_deletiontimestamp()->set_seconds(1);
  Place(going, "n1");
  EXPECT_EQ(WhyNotEligible(*urgent, cache_),
            "not eligible due to a terminating pod on the nominated node.");
  core::Pod never = MakePod("never", "1", 7);
  never.mutable_spec()->set_preemptionpolicy("Never");
  EXPECT_EQ(WhyNotEligible(PodInfo(std::make_shared<core::Pod>(never)), cache_),
            "not eligible due to preemptionPolicy=Never.");
}

}  // namespace
}  // namespace wherry::scheduler::preemption
