#include "lib/linux/file.h"
#include "tests/unit/nodeagent/node_fixture.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

namespace wherry::nodeagent {
namespace {

using std::chrono::seconds;
using ::testing::Contains;

class NodeEvictionTest : public NodeFixture {
 protected:
  static Json WithLimit(const std::string& amount) {
    return {{"resources", {{"limits", {{"ephemeral-storage", amount}}}}}};
  }
};

TEST_F(NodeEvictionTest, AContainerThatWritesTooMuchIsEvicted) {
  StartAgent();
  CreatePod("greedy", {{"containers",
                        {Container({"/bin/sh", "-c", "ignore-term; serve"}, WithLimit("1Mi"))}}});
  CreatePod("modest", {{"containers", {Container({"server"}, {{"name", "other"}})}}});
  ASSERT_TRUE(UntilPhase("greedy", "Running"));
  machine_->SetDiskUsage("c", 900 << 10);
  sim_.Advance(seconds(30));
  EXPECT_EQ(Pod("greedy")["status"]["phase"], "Running");
  machine_->SetDiskUsage("c", 2 << 20);
  machine_->SetDiskUsage("other", 1 << 30);  // has no limit
  // No grace period but the shortest.
  ASSERT_TRUE(UntilPhase("greedy", "Failed", seconds(12)));
  EXPECT_EQ(Pod("greedy")["status"]["reason"], "Evicted");
  EXPECT_EQ(Pod("greedy")["status"]["message"],
            "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ");
  EXPECT_THAT(EventReasons("greedy"), Contains("Evicted").Times(1));
  EXPECT_EQ(Pod("modest")["status"]["phase"], "Running");
}

TEST_F(NodeEvictionTest, AnEmptyDirThatIsLargerThanItsLimitEvictsThePod) {
  StartAgent();
  Json mount = {{"volumeMounts", {{{"name", "scratch"}, {"mountPath", "/scratch"}}}}};
  CreatePod("web", {{"containers", {Container({"server"}, mount)}},
                    {"volumes", {{{"name", "scratch"}, {"emptyDir", {{"sizeLimit", "64Ki"}}}}}}});
  ASSERT_TRUE(UntilPhase("web", "Running"));
  sim_.Advance(seconds(20));
  EXPECT_EQ(Pod("web")["status"]["phase"], "Running");
  auto fd = linux::OpenAt(AT_FDCWD, MountSource("web", "c", "/scratch") + "/file",
                          O_WRONLY | O_CREAT, 0600);
  ASSERT_TRUE(fd.ok());
  ASSERT_TRUE(linux::WriteAll(fd->get(), std::string(100 << 10, 'x')).ok());
  ASSERT_EQ(::fsync(fd->get()), 0);
  ASSERT_TRUE(UntilPhase("web", "Failed", seconds(12)));
  EXPECT_EQ(Pod("web")["status"]["reason"], "Evicted");
  EXPECT_EQ(Pod("web")["status"]["message"],
            "Usage of EmptyDir volume \"scratch\" exceeds the limit \"64Ki\". ");
}

TEST_F(NodeEvictionTest, AFullDiskCostsUnusedImagesFirst) {
  images_->Add("example/imported:1");
  StartAgent();
  Json once = Container({"exit", "0"}, {{"image", "example/old:1"}});
  CreatePod("once", {{"restartPolicy", "Never"}, {"containers", {once}}});
  ASSERT_TRUE(UntilPhase("once", "Succeeded"));
  Ask("DELETE", "/api/v1/namespaces/default/pods/once");
  ASSERT_TRUE(UntilGone("once"));
  CreatePod("web", {{"containers", {Container({"server"}, {{"image", "example/pulled:1"}})}}});
  ASSERT_TRUE(UntilPhase("web", "Running"));
  machine_usage_.storage_available_bytes = 16LL << 30;  // of 100
  sim_.Advance(seconds(150));
  EXPECT_TRUE(images_->ImageStatus("example/old:1").ok());
  machine_usage_.storage_available_bytes = 9LL << 30;
  sim_.Advance(seconds(11));
  EXPECT_FALSE(images_->ImageStatus("example/old:1").ok());
  EXPECT_TRUE(images_->ImageStatus("example/pulled:1").ok());    // a container has it
  EXPECT_TRUE(images_->ImageStatus("example/imported:1").ok());  // cannot be pulled again
  EXPECT_EQ(Pod("web")["status"]["phase"], "Running");
  EXPECT_EQ(ConditionOf(Ask("GET", "/api/v1/nodes/n1").body, "DiskPressure"), "True");
  machine_usage_.storage_available_bytes = 40LL << 30;
  sim_.Advance(seconds(11));
  EXPECT_EQ(ConditionOf(Ask("GET", "/api/v1/nodes/n1").body, "DiskPressure"), "False");
  EXPECT_EQ(Pod("web")["status"]["phase"], "Running");
}

TEST_F(NodeEvictionTest, AFullDiskCostsThePodThatWroteMost) {
  StartAgent();
  CreatePod("big", {{"containers", {Container({"server"}, {{"name", "big"}})}}});
  CreatePod("small", {{"containers", {Container({"server"}, {{"name", "small"}})}}});
  ASSERT_TRUE(UntilPhase("big", "Running"));
  ASSERT_TRUE(UntilPhase("small", "Running"));
  machine_->SetDiskUsage("big", 2 << 20);
  machine_->SetDiskUsage("small", 1 << 20);
  machine_usage_.storage_available_bytes = 5LL << 30;
  ASSERT_TRUE(UntilPhase("big", "Failed", seconds(25)));
  EXPECT_EQ(Pod("big")["status"]["reason"], "Evicted");
  EXPECT_EQ(Pod("small")["status"]["phase"], "Running");
}

TEST_F(NodeEvictionTest, WithoutMemoryThePodFurthestAboveItsRequestEnds) {
  StartAgent();
  Json asks = {{"resources", {{"requests", {{"memory", "16Mi"}}}}}};
  CreatePod("asked", {{"containers", {Container({"server"}, asks)}}});
  CreatePod("critical", {{"priorityClassName", "system-node-critical"},
                         {"containers", {Container({"server"})}}});
  CreatePod("none", {{"containers", {Container({"server"})}}});
  ASSERT_TRUE(UntilPhase("asked", "Running"));
  ASSERT_TRUE(UntilPhase("critical", "Running"));
  ASSERT_TRUE(UntilPhase("none", "Running"));
  machine_usage_.memory_available_bytes = 50LL << 20;
  ASSERT_TRUE(UntilPhase("none", "Failed", seconds(12)));
  EXPECT_EQ(Pod("none")["status"]["reason"], "Evicted");
  EXPECT_EQ(Pod("none")["status"]["message"],
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. "
            "Container c was using 8Mi, request is 0, has larger consumption of memory. ");
  machine_usage_.memory_available_bytes = 500LL << 20;
  sim_.Advance(seconds(20));
  EXPECT_EQ(Pod("asked")["status"]["phase"], "Running");
  EXPECT_EQ(Pod("critical")["status"]["phase"], "Running");
}

}  // namespace
}  // namespace wherry::nodeagent
