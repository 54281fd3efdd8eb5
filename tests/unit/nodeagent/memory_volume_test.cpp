#include "tests/unit/nodeagent/node_fixture.h"

#include <gmock/gmock.h>

#include <map>

namespace wherry::nodeagent {
namespace {

using std::chrono::seconds;
using ::testing::Contains;
using ::testing::HasSubstr;

// Remembers how large each file system in memory was to be, by its volume.
class RememberedMounts : public volumes::MountCalls {
 public:
  Result<bool> MountTmpfs(const std::string& path, int64_t size_bytes) override {
    sizes[path.substr(path.rfind('/') + 1)] = size_bytes;
    return true;
  }
  Status Unmount(const std::string& /*path*/) override { return Ok(); }
  std::map<std::string, int64_t> sizes;
};

class MemoryVolumeTest : public NodeFixture {
 protected:
  int64_t SizeOf(const std::string& name, Json empty_dir, Json resources) {
    empty_dir["medium"] = "Memory";
    CreatePod(name, {{"containers", {Container({"server"}, {{"resources", std::move(resources)}})}},
                     {"volumes", {{{"name", name}, {"emptyDir", std::move(empty_dir)}}}}});
    EXPECT_TRUE(UntilPhase(name, "Running"));
    return remembered_->sizes[name];
  }
  std::shared_ptr<RememberedMounts> remembered_ = std::make_shared<RememberedMounts>();
};

// Without a bound of its own a tmpfs takes half of the machine's memory.
TEST_F(MemoryVolumeTest, IsAtMostWhatThePodMayUse) {
  mounts_ = remembered_;
  StartAgent();
  const Json limited = {{"limits", {{"memory", "64Mi"}}}};
  const Json none = Json::object();
  const Json memory = Ask("GET", "/api/v1/nodes/n1").body["status"]["allocatable"]["memory"];
  EXPECT_EQ(memory, "3996Mi");
  EXPECT_EQ(SizeOf("asked", {{"sizeLimit", "16Mi"}}, limited), 16 << 20);
  EXPECT_EQ(SizeOf("greedy", {{"sizeLimit", "1Gi"}}, limited), 64 << 20);
  EXPECT_EQ(SizeOf("limited", none, limited), 64 << 20);
  EXPECT_EQ(SizeOf("free", none, none), 3996LL << 20);
}

TEST_F(MemoryVolumeTest, HugePagesAreRefusedInsteadOfADirectoryOnDisk) {
  StartAgent();
  const Json huge = {{"name", "v"}, {"emptyDir", {{"medium", "HugePages"}}}};
  CreatePod("huge", {{"containers", {Container({"server"})}}, {"volumes", {huge}}});
  sim_.Advance(seconds(5));
  EXPECT_EQ(Pod("huge")["status"]["phase"], "Pending");
  EXPECT_THAT(EventMessages("huge"), Contains(HasSubstr("medium \"HugePages\"")));
}

}  // namespace
}  // namespace wherry::nodeagent
