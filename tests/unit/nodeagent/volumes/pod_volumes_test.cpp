#include "nodeagent/volumes/pod_volumes.h"

#include "lib/linux/temp_dir.h"
#include "lib/loop/blocking.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "nodeagent/volumes/object_source.h"
#include "proto/api/core/v1.pb.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace wherry::nodeagent::volumes {
namespace {

class NoObjects : public ObjectSource {
 public:
  Result<std::shared_ptr<const api::core::v1::ConfigMap>> ConfigMap(
      const std::string&, const std::string& name) const override {
    return MakeError(Reason::kNotFound, name);
  }
  Result<std::shared_ptr<const api::core::v1::Secret>> Secret(
      const std::string&, const std::string& name) const override {
    return MakeError(Reason::kNotFound, name);
  }
  Result<std::string> ServiceAccountToken(
      const api::core::v1::Pod&,
      const api::core::v1::ServiceAccountTokenProjection&) const override {
    return MakeError(Reason::kNotFound, "token");
  }
};

class PodVolumesTest : public ::testing::Test {
 protected:
  // What an agent does for a pod with the emptyDir "data" that belongs to group 2000.
  std::string SyncAsNewAgent() {
    api::core::v1::Pod pod;
    pod.mutable_spec()->mutable_securitycontext()->set_fsgroup(2000);
    auto* volume = pod.mutable_spec()->add_volumes();
    volume->set_name("data");
    volume->mutable_volumesource()->mutable_emptydir();
    PodVolumes volumes(sim_.world(), mounts_, objects_, directory_.path() + "/pod");
    std::optional<Status> outcome;
    TaskScope scope(sim_.world().loop);
    scope.Spawn("sync", Keep(volumes, std::make_shared<const api::core::v1::Pod>(pod), &outcome));
    sim_.Settle();
    EXPECT_TRUE(outcome && outcome->ok());
    return volumes.PathOf("data");
  }
  static Task<void> Keep(PodVolumes& volumes, std::shared_ptr<const api::core::v1::Pod> pod,
                         std::optional<Status>* outcome) {
    auto syncing = volumes.Sync(std::move(pod), {});
    *outcome = co_await std::move(syncing);
  }
  static struct stat StatOf(const std::string& path) {
    struct stat info{};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    return info;
  }

  SimWorld sim_{1};
  std::shared_ptr<MountCalls> mounts_ = NoMountCalls();
  NoObjects objects_;
  linux::TempDir directory_{std::move(linux::TempDir::Make("/tmp", "wherry-volumes-").value())};
};

class KeptJobs : public Blocking {
 public:
  void Submit(std::function<void()> job) override { jobs.push_back(std::move(job)); }
  std::vector<std::function<void()>> jobs;
};

// Unmounting may begin after the agent that asked for it is gone.
TEST_F(PodVolumesTest, WhatIsUnderWayNeedsNoAgent) {
  KeptJobs blocking;
  World world{sim_.world().loop, sim_.world().clock, sim_.world().random, blocking,
              sim_.world().faults};
  std::weak_ptr<MountCalls> mounts = mounts_;
  const std::string pod = directory_.path() + "/gone";
  ASSERT_EQ(::mkdir(pod.c_str(), 0700), 0);
  {
    PodVolumes volumes(world, std::move(mounts_), objects_, pod);
    TaskScope scope(world.loop);
    scope.Spawn("tear down", [](PodVolumes& volumes_in) -> Task<void> {
      auto tearing = volumes_in.TearDown();
      auto torn = co_await std::move(tearing);
      Ignore(torn, "cancelled before");
    }(volumes));
    sim_.Settle();
  }
  ASSERT_EQ(blocking.jobs.size(), 1u);
  ASSERT_FALSE(mounts.expired());
  blocking.jobs[0]();
  EXPECT_NE(::access(pod.c_str(), F_OK), 0);
}

// What the containers made of a volume stays when another agent takes the pod over.
TEST_F(PodVolumesTest, ANewAgentLeavesModesAndOwnersAlone) {
  const std::string path = SyncAsNewAgent();
  EXPECT_EQ(StatOf(path).st_mode & 07777, 02777U);
  EXPECT_EQ(StatOf(path).st_gid, 2000U);
  std::ofstream(path + "/key") << "secret";
  ASSERT_EQ(::chmod((path + "/key").c_str(), 0600), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0700), 0);

  EXPECT_EQ(SyncAsNewAgent(), path);
  EXPECT_EQ(StatOf(path).st_mode & 07777, 0700U);
  EXPECT_EQ(StatOf(path + "/key").st_mode & 07777, 0600U);
}

}  // namespace
}  // namespace wherry::nodeagent::volumes
