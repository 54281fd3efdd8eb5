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

}  // namespace
}  // namespace wherry::nodeagent
