#include "lib/linux/socket.h"
#include "nodeagent/init/exec_path.h"
#include "nodeagent/init/frames.h"
#include "nodeagent/init/protocol.h"
#include "nodeagent/init/users.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace wherry::nodeagent::init {
namespace {

constexpr const char* kPasswd =
    "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\nbroken\n";
constexpr const char* kGroup = "root:x:0:\nteam:x:2000:app,other\nmore:x:2001:app\n";

TEST(Identity, ByNumberNameAndGroup) {
  struct Case {
    IdentityRequest request;
    uint32_t uid;
    uint32_t gid;
    std::vector<uint32_t> groups;
  };
  const Case cases[] = {
      {{}, 0, 0, {}},
      {{.uid = 1000}, 1000, 1001, {2000, 2001}},
      {{.uid = 77}, 77, 0, {}},
      {{.uid = 77, .gid = 5, .supplemental_groups = {9, 8, 9}}, 77, 5, {8, 9}},
      {{.user = "app"}, 1000, 1001, {2000, 2001}},
      {{.user = "app:team"}, 1000, 2000, {2000, 2001}},
      {{.user = "app:44"}, 1000, 44, {2000, 2001}},
      {{.user = "1234:5678"}, 1234, 5678, {}},
      {{.uid = 5, .user = "app:team"}, 5, 0, {}},
  };
  for (const auto& [request, uid, gid, groups] : cases) {
    auto identity = ResolveIdentity(request, kPasswd, kGroup);
    ASSERT_TRUE(identity.ok()) << request.user << ": " << identity.error().message;
    EXPECT_EQ(identity->uid, uid) << request.user;
    EXPECT_EQ(identity->gid, gid) << request.user;
    EXPECT_EQ(identity->groups, groups) << request.user;
  }
}

// A number is not looked for among the names, which an image makes up (CVE-2016-3697).
TEST(Identity, ANumberIsNoName) {
  const std::string passwd = "1000:x:0:0::/:/bin/sh\napp:x:1000:7::/home/app:/bin/sh\n";
  for (const IdentityRequest& request :
       {IdentityRequest{.uid = 1000}, IdentityRequest{.user = "1000"}}) {
    auto identity = ResolveIdentity(request, passwd, "");
    ASSERT_TRUE(identity.ok());
    EXPECT_EQ(identity->uid, 1000u);
    EXPECT_EQ(identity->gid, 7u);
    EXPECT_EQ(identity->home, "/home/app");
  }
  EXPECT_EQ(ResolveIdentity({.user = "2000"}, "2000:x:0:5::/:\n", "")->uid, 2000u);
  EXPECT_EQ(ResolveIdentity({.user = "2000"}, "2000:x:0:5::/:\n", "")->gid, 0u);
}

TEST(Identity, UnknownNamesAreInvalid) {
  for (const char* user : {"nobody", "app:nogroup", "-1", "99999999999"}) {
    auto identity = ResolveIdentity({.user = user}, kPasswd, kGroup);
    ASSERT_FALSE(identity.ok()) << user;
    EXPECT_EQ(identity.error().reason, Reason::kInvalid);
  }
  EXPECT_FALSE(ResolveIdentity({.user = "x"}, "x:x:abc:0::/:", "").ok());
}

// 4294967295 is "leave it as it is" to setresuid(2): the process would stay root (CVE-2024-40635).
TEST(Identity, NumbersThatWrapAreInvalid) {
  const IdentityRequest requests[] = {
      {.user = "4294967295"},
      {.user = "2147483648"},
      {.user = "1000:4294967295"},
      {.user = "18446744073709551616"},
      {.uid = 4294967295},
      {.uid = 4294967296},
      {.uid = 1, .gid = 4294967295},
      {.uid = 1, .supplemental_groups = {4294967296}},
      {.uid = 1, .supplemental_groups = {-1}},
      {.user = "wrap"},
      {.user = "wrapgroup"},
      {.user = "app:wrap"},
  };
  const std::string passwd =
      "wrap:x:4294967295:1::/:\nwrapgroup:x:7:4294967295::/:\napp:x:1000:1001::/:\n";
  for (const IdentityRequest& request : requests) {
    auto identity = ResolveIdentity(request, passwd, "wrap:x:4294967295:\n");
    ASSERT_FALSE(identity.ok()) << request.user << " " << request.uid << " " << request.gid;
    EXPECT_EQ(identity.error().reason, Reason::kInvalid);
  }
  EXPECT_EQ(ResolveIdentity({.user = "2147483647"}, "", "")->uid, 2147483647u);
  EXPECT_TRUE(ResolveIdentity({.user = "app"}, passwd, "big:x:4294967295:app\n")->groups.empty());
}

TEST(FindExecutable, SearchesThePathOrSaysWhyNot) {
  EXPECT_EQ(*FindExecutable("sh", {"PATH=/nowhere:/bin"}), "/bin/sh");
  EXPECT_EQ(*FindExecutable("/bin/sh", {}), "/bin/sh");
  EXPECT_EQ(FindExecutable("sh", {}).error().message,
            "exec: \"sh\": executable file not found in $PATH");
  EXPECT_EQ(FindExecutable("/no/x", {}).error().message,
            "exec: \"/no/x\": stat /no/x: no such file or directory");
  EXPECT_EQ(FindExecutable("/etc/passwd", {}).error().message,
            "exec: \"/etc/passwd\": permission denied");
  EXPECT_EQ(FindExecutable("/etc", {}).error().message, "exec: \"/etc\": is a directory");
}

TEST(Protocol, MessagesComeBackAsTheyWere) {
  ContainerSpec spec{
      .name = "c", .attempt = -3, .arguments = {"a", ""}, .cgroup_mounts = {{"x", "y"}}};
  spec.privileges.supplemental_groups = {1, -1};
  spec.mounts = {{.container_path = "/m", .is_directory = false}};
  auto decoded = Decode<StartContainer>(
      Encode(MessageType::kStartContainer, StartContainer{.sequence = 9, .spec = spec}));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->sequence, 9u);
  EXPECT_EQ(decoded->spec.attempt, -3);
  EXPECT_EQ(decoded->spec.arguments, spec.arguments);
  EXPECT_EQ(decoded->spec.cgroup_mounts, spec.cgroup_mounts);
  EXPECT_EQ(decoded->spec.privileges.supplemental_groups, spec.privileges.supplemental_groups);
  EXPECT_FALSE(decoded->spec.mounts[0].is_directory);
}

TEST(Protocol, ShortLongAndLyingMessagesAreRefused) {
  std::string body = Encode(MessageType::kDone, Done{.sequence = 1, .error = "text"});
  for (size_t size = 0; size < body.size(); ++size)
    EXPECT_FALSE(Decode<Done>(body.substr(0, size)).ok());
  EXPECT_FALSE(Decode<Done>(body + "x").ok());
  std::string lying(8, '\0');
  lying += std::string(8, '\0') + std::string(8, '\xff');
  EXPECT_FALSE(Decode<Done>(lying).ok());
}

TEST(Frames, ArriveInPiecesWithTheirDescriptors) {
  auto pair = linux::StreamSocketPair(true);
  ASSERT_TRUE(pair.ok());
  FrameWriter writer;
  for (int i = 0; i < 3; ++i) {
    std::vector<linux::Fd> fds;
    for (int j = 0; j < i; ++j) fds.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    writer.Push(std::string(static_cast<size_t>(i) * 150000 + 1, static_cast<char>('a' + i)),
                std::move(fds));
  }
  FrameReader reader;
  std::vector<Frame> frames;
  while (frames.size() < 3) {
    ASSERT_TRUE(writer.Flush(pair->first.get()).ok());
    ASSERT_TRUE(reader.ReadSome(pair->second.get()).ok());
    while (auto frame = reader.Next()) frames.push_back(std::move(*frame));
  }
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(frames[i].body, std::string(i * 150000 + 1, static_cast<char>('a' + i)));
    EXPECT_EQ(frames[i].fds.size(), i);
  }
}

TEST(Frames, AHugeFrameIsRefusedAtItsHead) {
  auto pair = linux::StreamSocketPair(false);
  ASSERT_TRUE(
      linux::SendWithFds(pair->first.get(), std::string("\xff\xff\xff\xff\0\0\0\0", 8), {}).ok());
  FrameReader reader;
  EXPECT_EQ(reader.ReadSome(pair->second.get()).error().reason, Reason::kBadRequest);
}

}  // namespace
}  // namespace wherry::nodeagent::init
