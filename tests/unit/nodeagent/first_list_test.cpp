#include "lib/linux/file.h"
#include "tests/unit/nodeagent/node_fixture.h"

#include <fcntl.h>
#include <unistd.h>

namespace wherry::nodeagent {
namespace {

using std::chrono::seconds;

// What an agent makes of the first list of pods.
class FirstListTest : public NodeFixture {
 protected:
  std::string MakeLogs(const std::string& pod, const std::string& uid) {
    std::string path = directory_.path() + "/log/pods/default_" + pod + "_" + uid;
    EXPECT_TRUE(linux::MakeDirs(AT_FDCWD, path + "/c", 0755).ok());
    EXPECT_TRUE(linux::ReplaceFile(AT_FDCWD, path + "/c/0.log", "line\n", 0644,
                                   linux::Durability::kPageCache)
                    .ok());
    return path;
  }
  static bool Exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }
};

TEST_F(FirstListTest, TheLogsOfPodsThatWentMeanwhileGo) {
  StartAgent();
  CreatePod("stays", {{"containers", {Container({"server"})}}});
  CreatePod("goes", {{"containers", {Container({"server"})}}});
  ASSERT_TRUE(UntilPhase("stays", "Running"));
  ASSERT_TRUE(UntilPhase("goes", "Running"));
  const std::string kept = MakeLogs("stays", Uid("stays"));
  const std::string removed = MakeLogs("goes", Uid("goes"));
  const std::string unknown = MakeLogs("older", "0b1c");
  StopAgent();
  Ask("DELETE", "/api/v1/namespaces/default/pods/goes?gracePeriodSeconds=0");
  StartAgent();
  sim_.Advance(seconds(40));
  EXPECT_TRUE(Exists(kept));
  EXPECT_FALSE(Exists(removed));
  EXPECT_FALSE(Exists(unknown));
}

TEST_F(FirstListTest, ContainersOfAPodThatWentMeanwhileAreStoppedTogether) {
  StartAgent();
  const std::vector<std::string> stubborn = {"/bin/sh", "-c", "ignore-term; serve"};
  CreatePod("goes", {{"containers",
                      {Container(stubborn), Container(stubborn, {{"name", "d"}}),
                       Container(stubborn, {{"name", "e"}})}}});
  ASSERT_TRUE(UntilPhase("goes", "Running"));
  StopAgent();
  Ask("DELETE", "/api/v1/namespaces/default/pods/goes?gracePeriodSeconds=0");
  StartAgent();
  sim_.Advance(seconds(29));
  EXPECT_EQ(machine_->Running().size(), 3U);
  sim_.Advance(seconds(2));
  EXPECT_EQ(machine_->pods(), 0U);
}

// A node that has become too small keeps what was there first, whatever the names.
TEST_F(FirstListTest, AfterARebootTheOldestPodIsAdmittedFirst) {
  CreatePod("z-old", {{"containers", {Container({"server"})}}});
  sim_.Advance(seconds(2));
  CreatePod("a-new", {{"containers", {Container({"server"})}}});
  StartAgent([](Options& options) { options.capacity["pods"] = "1"; });
  EXPECT_TRUE(UntilPhase("z-old", "Running"));
  EXPECT_TRUE(UntilPhase("a-new", "Failed"));
  EXPECT_EQ(Pod("a-new")["status"]["reason"], "OutOfpods");
}

// What runs is not asked again, and has its place before anything else.
TEST_F(FirstListTest, AfterARestartWhatRunsKeepsItsPlace) {
  CreatePod("a-old", {{"containers", {Container({"server"})}}, {"nodeName", nullptr}});
  sim_.Advance(seconds(2));
  StartAgent([](Options& options) { options.capacity["pods"] = "1"; });
  CreatePod("z-new", {{"containers", {Container({"server"})}}});
  ASSERT_TRUE(UntilPhase("z-new", "Running"));
  StopAgent();
  const Json binding = {{"metadata", {{"name", "a-old"}}},
                        {"target", {{"kind", "Node"}, {"name", "n1"}}}};
  ASSERT_EQ(Ask("POST", "/api/v1/namespaces/default/pods/a-old/binding", binding).status, 201);
  StartAgent([](Options& options) { options.capacity["pods"] = "1"; });
  EXPECT_TRUE(UntilPhase("a-old", "Failed"));
  EXPECT_EQ(Pod("z-new")["status"]["phase"], "Running");
}

}  // namespace
}  // namespace wherry::nodeagent
