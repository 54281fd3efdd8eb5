#include "tests/unit/nodeagent/node_fixture.h"

#include <gmock/gmock.h>

#include <map>

namespace wherry::nodeagent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class NodeAgentTest : public NodeFixture {};

TEST_F(NodeAgentTest, RegistersTheNodeWithStatusAndLease) {
  StartAgent();
  Json node = Ask("GET", "/api/v1/nodes/n1").body;
  EXPECT_EQ(node["metadata"]["labels"]["kubernetes.io/hostname"], "n1");
  EXPECT_EQ(node["metadata"]["labels"]["kubernetes.io/os"], "linux");
  EXPECT_EQ(node["status"]["capacity"]["cpu"], "2");
  EXPECT_EQ(node["status"]["capacity"]["pods"], "110");
  EXPECT_EQ(node["status"]["nodeInfo"]["containerRuntimeVersion"], "wherry://0.1.0");
  EXPECT_EQ(node["status"]["nodeInfo"]["kernelVersion"], "6.18.0");
  EXPECT_EQ(node["status"]["addresses"][0]["address"], "192.168.7.1");
  EXPECT_EQ(node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"], 10250);
  EXPECT_EQ(ConditionOf(node, "Ready"), "True");
  Json lease = Ask("GET", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1").body;
  EXPECT_EQ(lease["spec"]["leaseDurationSeconds"], 40);
  sim_.Advance(seconds(11));
  Json renewed =
      Ask("GET", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1").body;
  EXPECT_NE(renewed["spec"]["renewTime"], lease["spec"]["renewTime"]);
}

TEST_F(NodeAgentTest, OffersWhatOthersAddToTheNodesCapacity) {
  StartAgent();
  auto set_capacity = [this](const Json& amount) {
    const Json patch = {{"status", {{"capacity", {{"example.com/gpu", amount}}}}}};
    Ask("PATCH", "/api/v1/nodes/n1/status", patch, "application/merge-patch+json");
    sim_.Advance(seconds(1));
    return Ask("GET", "/api/v1/nodes/n1").body["status"]["allocatable"];
  };
  Json allocatable = set_capacity("1000");
  EXPECT_EQ(allocatable["example.com/gpu"], "1k");
  EXPECT_EQ(allocatable["cpu"], "2");
  EXPECT_EQ(set_capacity("5")["example.com/gpu"], "5");
  sim_.Advance(std::chrono::minutes(6));
  EXPECT_EQ(set_capacity("5")["example.com/gpu"], "5") << "the agent's own status keeps it";
  EXPECT_FALSE(set_capacity(nullptr).contains("example.com/gpu"));
}

TEST_F(NodeAgentTest, RunsAPod) {
  StartAgent();
  CreatePod("web", {{"containers", {Container({"server"})}}});
  ASSERT_TRUE(UntilPhase("web", "Running", milliseconds(20)));
  Json pod = Pod("web");
  EXPECT_EQ(ConditionOf(pod, "Ready"), "True");
  EXPECT_EQ(ConditionOf(pod, "Initialized"), "True");
  EXPECT_EQ(ConditionOf(pod, "PodScheduled"), "True");
  EXPECT_EQ(pod["status"]["podIP"], "10.244.0.2");
  EXPECT_EQ(pod["status"]["podIPs"][0]["ip"], "10.244.0.2");
  EXPECT_EQ(pod["status"]["hostIP"], "192.168.7.1");
  EXPECT_EQ(pod["status"]["qosClass"], "BestEffort");
  Json status = ContainerStatus("web");
  EXPECT_TRUE(status["state"].contains("running"));
  EXPECT_EQ(status["ready"], true);
  EXPECT_EQ(status["started"], true);
  EXPECT_EQ(status["restartCount"], 0);
  EXPECT_THAT(status["containerID"].get<std::string>(), HasSubstr("wherry://"));
  EXPECT_THAT(EventReasons("web"), Contains("Started"));
}

// The agent writes them as root, by names that no container may change.
TEST_F(NodeAgentTest, VolumesThatTheAgentWritesAreReadOnly) {
  StartAgent();
  Json downward = {{"items", {{{"path", "name"}, {"fieldRef", {{"fieldPath", "metadata.name"}}}}}}};
  Json mounts = {{{"name", "about"}, {"mountPath", "/about"}},
                 {{"name", "scratch"}, {"mountPath", "/scratch"}}};
  CreatePod("web", {{"containers", {Container({"server"}, {{"volumeMounts", mounts}})}},
                    {"volumes",
                     {{{"name", "about"}, {"downwardAPI", downward}},
                      {{"name", "scratch"}, {"emptyDir", Json::object()}}}}});
  ASSERT_TRUE(UntilPhase("web", "Running", milliseconds(20)));
  std::map<std::string, bool> read_only;
  for (const auto& mount : machine_->ConfigOf(Uid("web"), "c")->mounts)
    read_only[mount.container_path] = mount.read_only;
  EXPECT_TRUE(read_only.at("/about"));
  EXPECT_FALSE(read_only.at("/scratch"));
}

TEST_F(NodeAgentTest, TellsHowAPodEnded) {
  StartAgent();
  CreatePod("good", {{"restartPolicy", "Never"}, {"containers", {Container({"exit", "0"})}}});
  CreatePod("bad", {{"restartPolicy", "Never"}, {"containers", {Container({"exit", "3"})}}});
  ASSERT_TRUE(UntilPhase("good", "Succeeded"));
  ASSERT_TRUE(UntilPhase("bad", "Failed"));
  EXPECT_EQ(ContainerStatus("bad")["state"]["terminated"]["exitCode"], 3);
  EXPECT_EQ(ContainerStatus("bad")["state"]["terminated"]["reason"], "Error");
  EXPECT_EQ(ContainerStatus("good")["state"]["terminated"]["reason"], "Completed");
  EXPECT_EQ(ConditionOf(Pod("good"), "Ready"), "False");
}

TEST_F(NodeAgentTest, ADeletedPodIsStoppedAndThenRemoved) {
  StartAgent();
  CreatePod("web", {{"containers", {Container({"server"})}}});
  ASSERT_TRUE(UntilPhase("web", "Running"));
  Ask("DELETE", "/api/v1/namespaces/default/pods/web");
  ASSERT_TRUE(UntilGone("web", seconds(1)));
  sim_.Advance(seconds(1));
  EXPECT_EQ(machine_->pods(), 0U);
  EXPECT_THAT(EventReasons("web"), Contains("Killing"));
}

TEST_F(NodeAgentTest, AContainerThatIgnoresSigtermIsKilledAfterItsGracePeriod) {
  StartAgent();
  CreatePod("stubborn", {{"terminationGracePeriodSeconds", 7},
                         {"containers", {Container({"/bin/sh", "-c", "ignore-term; serve"})}}});
  ASSERT_TRUE(UntilPhase("stubborn", "Running"));
  Ask("DELETE", "/api/v1/namespaces/default/pods/stubborn");
  sim_.Advance(seconds(6));
  EXPECT_EQ(Pod("stubborn")["kind"], "Pod");
  EXPECT_TRUE(UntilGone("stubborn", seconds(2)));
}

TEST_F(NodeAgentTest, AShorterGracePeriodCutsTheLongOne) {
  StartAgent();
  CreatePod("stubborn", {{"terminationGracePeriodSeconds", 600},
                         {"containers", {Container({"/bin/sh", "-c", "ignore-term; serve"})}}});
  ASSERT_TRUE(UntilPhase("stubborn", "Running"));
  Ask("DELETE", "/api/v1/namespaces/default/pods/stubborn");
  sim_.Advance(seconds(5));
  Ask("DELETE", "/api/v1/namespaces/default/pods/stubborn?gracePeriodSeconds=2");
  EXPECT_TRUE(UntilGone("stubborn", seconds(4)));
}

TEST_F(NodeAgentTest, ACrashingContainerIsRestartedWithDoublingBackOff) {
  StartAgent();
  CreatePod("crash", {{"containers", {Container({"exit", "1"})}}});
  auto restarts = [](int count) {
    return [count](Json pod) {
      return pod["status"]["containerStatuses"][0]["restartCount"] == count;
    };
  };
  ASSERT_TRUE(Until("crash", restarts(1), seconds(2)));
  ASSERT_TRUE(Until("crash", [](Json pod) {
    return pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] ==
           "CrashLoopBackOff";
  }));
  Json status = ContainerStatus("crash");
  EXPECT_THAT(status["state"]["waiting"]["message"].get<std::string>(),
              HasSubstr("back-off 10s restarting failed container=c pod=crash_default("));
  EXPECT_EQ(status["lastState"]["terminated"]["exitCode"], 1);
  EXPECT_EQ(Pod("crash")["status"]["phase"], "Running");
  sim_.Advance(seconds(8));
  EXPECT_EQ(ContainerStatus("crash")["restartCount"], 1);
  ASSERT_TRUE(Until("crash", restarts(2), seconds(4)));
  sim_.Advance(seconds(18));
  EXPECT_EQ(ContainerStatus("crash")["restartCount"], 2);
  ASSERT_TRUE(Until("crash", restarts(3), seconds(4)));
  EXPECT_THAT(EventReasons("crash"), Contains("BackOff"));
}

TEST_F(NodeAgentTest, InitContainersRunInOrderBeforeTheOthers) {
  StartAgent();
  Json first = Container({"sleep", "1"}, {{"name", "first"}});
  Json second = Container({"sleep", "1"}, {{"name", "second"}});
  CreatePod("staged",
            {{"initContainers", {first, second}}, {"containers", {Container({"server"})}}});
  sim_.Advance(milliseconds(500));
  Json pod = Pod("staged");
  EXPECT_EQ(pod["status"]["phase"], "Pending");
  EXPECT_TRUE(pod["status"]["initContainerStatuses"][0]["state"].contains("running"));
  EXPECT_EQ(pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"], "PodInitializing");
  EXPECT_EQ(ConditionOf(pod, "Initialized"), "False");
  ASSERT_TRUE(UntilPhase("staged", "Running"));
  pod = Pod("staged");
  EXPECT_EQ(pod["status"]["initContainerStatuses"][1]["state"]["terminated"]["exitCode"], 0);
  EXPECT_EQ(pod["status"]["initContainerStatuses"][1]["ready"], true);
  EXPECT_EQ(ConditionOf(pod, "Initialized"), "True");
  for (const Json& condition : pod["status"]["conditions"]) {
    EXPECT_FALSE(condition.contains("reason")) << "of the time before: " << condition;
    EXPECT_FALSE(condition.contains("message")) << "of the time before: " << condition;
  }
}

TEST_F(NodeAgentTest, AFailedInitContainerFailsAPodThatIsNeverRestarted) {
  StartAgent();
  CreatePod("broken", {{"restartPolicy", "Never"},
                       {"initContainers", {Container({"exit", "1"}, {{"name", "setup"}})}},
                       {"containers", {Container({"server"})}}});
  ASSERT_TRUE(UntilPhase("broken", "Failed"));
  EXPECT_EQ(ContainerStatus("broken")["state"]["waiting"]["reason"], "PodInitializing");
}

TEST_F(NodeAgentTest, ARestartedAgentAdoptsWhatRuns) {
  StartAgent();
  CreatePod("web", {{"containers", {Container({"server"})}}});
  CreatePod("gone", {{"containers", {Container({"server"})}}});
  ASSERT_TRUE(UntilPhase("web", "Running"));
  ASSERT_TRUE(UntilPhase("gone", "Running"));
  const std::string id = ContainerStatus("web")["containerID"];
  StopAgent();
  Ask("DELETE", "/api/v1/namespaces/default/pods/gone?gracePeriodSeconds=0");
  sim_.Advance(seconds(1));
  EXPECT_EQ(machine_->pods(), 2U);
  StartAgent();
  sim_.Advance(seconds(40));
  EXPECT_EQ(ContainerStatus("web")["containerID"], id);
  EXPECT_EQ(ContainerStatus("web")["restartCount"], 0);
  EXPECT_EQ(ContainerStatus("web")["ready"], true);
  EXPECT_EQ(machine_->pods(), 1U);
}

TEST_F(NodeAgentTest, AnExitDuringTheAgentsAbsenceIsTold) {
  StartAgent();
  CreatePod("job", {{"restartPolicy", "Never"}, {"containers", {Container({"sleep", "5"})}}});
  ASSERT_TRUE(UntilPhase("job", "Running"));
  StopAgent();
  sim_.Advance(seconds(10));
  EXPECT_EQ(Pod("job")["status"]["phase"], "Running");
  StartAgent();
  EXPECT_TRUE(UntilPhase("job", "Succeeded", seconds(1)));
}

TEST_F(NodeAgentTest, AMissingImageIsTriedAgainWithBackOff) {
  StartAgent();
  CreatePod("lost", {{"containers", {Container({"x"}, {{"image", "example/missing:1"}})}}});
  auto waiting = [](const std::string& reason) {
    return [reason](Json pod) {
      return pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == reason;
    };
  };
  ASSERT_TRUE(Until("lost", waiting("ErrImagePull")));
  ASSERT_TRUE(Until("lost", waiting("ImagePullBackOff")));
  sim_.Advance(seconds(9));
  EXPECT_EQ(images_->pulls(), 2);
  EXPECT_THAT(EventMessages("lost"), Contains("Pulling image \"example/missing:1\""));
  CreatePod("never",
            {{"containers",
              {Container({"x"}, {{"image", "example/other:1"}, {"imagePullPolicy", "Never"}})}}});
  ASSERT_TRUE(Until("never", waiting("ErrImageNeverPull")));
}

TEST_F(NodeAgentTest, RunsPodsWithResourcesThatOthersAddedToTheNode) {
  StartAgent();
  const Json resources = {{"requests", {{"example.com/gpu", "2"}}},
                          {"limits", {{"example.com/gpu", "2"}}}};
  CreatePod("gpu", {{"containers", {Container({"server"}, {{"resources", resources}})}}});
  EXPECT_TRUE(UntilPhase("gpu", "Running"));
}

TEST_F(NodeAgentTest, RefusesAPodThatDoesNotFit) {
  StartAgent();
  CreatePod("huge",
            {{"containers", {Container({"x"}, {{"resources", {{"requests", {{"cpu", "64"}}}}}})}}});
  ASSERT_TRUE(UntilPhase("huge", "Failed"));
  EXPECT_EQ(Pod("huge")["status"]["reason"], "OutOfcpu");
  CreatePod("picky", {{"nodeSelector", {{"disk", "fast"}}}, {"containers", {Container({"x"})}}});
  ASSERT_TRUE(UntilPhase("picky", "Failed"));
  EXPECT_EQ(Pod("picky")["status"]["reason"], "NodeAffinity");
}

// The scheduler gives a place away when the pod's object is gone, whatever the node still does.
TEST_F(NodeAgentTest, AForceDeletedPodGivesItsPlaceBackAtOnce) {
  StartAgent([](Options& options) { options.capacity["pods"] = "1"; });
  CreatePod("stubborn", {{"containers", {Container({"/bin/sh", "-c", "ignore-term; serve"})}}});
  ASSERT_TRUE(UntilPhase("stubborn", "Running"));
  Ask("DELETE", "/api/v1/namespaces/default/pods/stubborn?gracePeriodSeconds=0");
  CreatePod("next", {{"containers", {Container({"server"})}}});
  EXPECT_EQ(machine_->pods(), 1U);  // the first one still ends
  EXPECT_TRUE(UntilPhase("next", "Running"));
}

TEST_F(NodeAgentTest, APodWithAFinalPhaseGivesItsPlaceBackAtOnce) {
  StartAgent([](Options& options) { options.capacity["pods"] = "1"; });
  CreatePod("stubborn", {{"containers", {Container({"/bin/sh", "-c", "ignore-term; serve"})}}});
  ASSERT_TRUE(UntilPhase("stubborn", "Running"));
  Ask("PATCH", "/api/v1/namespaces/default/pods/stubborn/status",
      {{"status", {{"phase", "Failed"}}}}, "application/merge-patch+json");
  CreatePod("next", {{"containers", {Container({"server"})}}});
  EXPECT_TRUE(UntilPhase("next", "Running"));
}

TEST_F(NodeAgentTest, ARefusedPodTakesNoPlace) {
  // Both are in the first list, the refused one first.
  CreatePod("picky", {{"nodeSelector", {{"disk", "fast"}}}, {"containers", {Container({"x"})}}});
  CreatePod("web", {{"containers", {Container({"server"})}}});
  StartAgent([](Options& options) { options.capacity["pods"] = "1"; });
  ASSERT_TRUE(UntilPhase("picky", "Failed"));
  EXPECT_TRUE(UntilPhase("web", "Running"));
}

TEST_F(NodeAgentTest, ActiveDeadlineEndsAPod) {
  StartAgent();
  CreatePod("short", {{"activeDeadlineSeconds", 5}, {"containers", {Container({"server"})}}});
  ASSERT_TRUE(UntilPhase("short", "Running"));
  ASSERT_TRUE(UntilPhase("short", "Failed", seconds(8)));
  EXPECT_EQ(Pod("short")["status"]["reason"], "DeadlineExceeded");
}

TEST_F(NodeAgentTest, WaitsForThePodNetwork) {
  std::string cidr;
  StartAgent([&](Options& options) {
    options.setup_pod_network = [&](std::string given) -> Task<Status> {
      cidr = given;
      co_return Ok();
    };
  });
  EXPECT_EQ(ConditionOf(Ask("GET", "/api/v1/nodes/n1").body, "Ready"), "False");
  CreatePod("web", {{"containers", {Container({"server"})}}});
  CreatePod("host", {{"hostNetwork", true}, {"containers", {Container({"server"})}}});
  ASSERT_TRUE(UntilPhase("host", "Running"));
  EXPECT_EQ(Pod("host")["status"]["podIP"], "192.168.7.1");
  EXPECT_EQ(Pod("web")["status"]["phase"], "Pending");
  Ask("PATCH", "/api/v1/nodes/n1",
      {{"spec", {{"podCIDR", "10.244.3.0/24"}, {"podCIDRs", {"10.244.3.0/24"}}}}},
      "application/merge-patch+json");
  ASSERT_TRUE(UntilPhase("web", "Running", milliseconds(50)));
  EXPECT_EQ(cidr, "10.244.3.0/24");
  EXPECT_EQ(ConditionOf(Ask("GET", "/api/v1/nodes/n1").body, "Ready"), "True");
}

TEST_F(NodeAgentTest, AStatusThatSomebodyElseWritesIsPutRight) {
  StartAgent();
  CreatePod("web", {{"containers", {Container({"server"})}}});
  ASSERT_TRUE(UntilPhase("web", "Running"));
  Ask("PATCH", "/api/v1/namespaces/default/pods/web/status",
      {{"status",
        {{"conditions",
          {{{"type", "Ready"}, {"status", "False"}},
           {{"type", "example.com/Gate"}, {"status", "True"}}}}}}},
      "application/strategic-merge-patch+json");
  ASSERT_TRUE(Until("web", [](Json pod) { return ConditionOf(pod, "Ready") == "True"; }));
  EXPECT_EQ(ConditionOf(Pod("web"), "example.com/Gate"), "True");
}

TEST_F(NodeAgentTest, ADeadSandboxIsMadeAnewAndItsContainersRestart) {
  StartAgent();
  CreatePod("web", {{"containers", {Container({"server"})}}});
  ASSERT_TRUE(UntilPhase("web", "Running"));
  const std::string before = ContainerStatus("web")["containerID"];
  const std::string address = Pod("web")["status"]["podIP"];
  machine_->KillSandbox(Uid("web"));
  ASSERT_TRUE(Until(
      "web",
      [&](Json pod) {
        Json status = pod["status"]["containerStatuses"][0];
        return status["containerID"] != before && status["state"].contains("running");
      },
      seconds(15)));
  EXPECT_EQ(ContainerStatus("web")["restartCount"], 1);
  EXPECT_THAT(EventReasons("web"), Contains("SandboxChanged"));
  const std::string now = Pod("web")["status"]["podIP"];
  EXPECT_NE(now, address);
  const std::string hosts = ReadVolumeFile(MountSource("web", "c", "/etc/hosts"));
  EXPECT_THAT(hosts, HasSubstr(now + "\tweb\n"));
  EXPECT_THAT(hosts, Not(HasSubstr(address + "\t")));
}

}  // namespace
}  // namespace wherry::nodeagent
