#include "nodeagent/runtime/native/container_plan.h"
#include "nodeagent/runtime/native/pod_directory.h"

#include <gtest/gtest.h>

#include <csignal>

namespace wherry::nodeagent::runtime::native {
namespace {

TEST(PodDirectory, RecordsComeBackAsTheyWere) {
  SandboxRecord record{.created_at = WallTime(std::chrono::nanoseconds(1234567890123456789)),
                       .ips = {"10.0.0.2"},
                       .cgroup_path = "kubepods/podx"};
  record.config = {.uid = "u",
                   .name = "n",
                   .ns = "s",
                   .hostname = "h",
                   .qos_class = "Burstable",
                   .resources = {.cpu_shares_milli = 1, .memory_limit_bytes = 3},
                   .host_pid = true,
                   .sysctls = {{"a", "b\"\n"}},
                   .fs_group = 7,
                   .host_ports = {{.protocol = "udp", .host_port = 53, .container_port = 5353}}};
  auto decoded = DecodeSandbox(EncodeSandbox(record));
  ASSERT_TRUE(decoded.ok()) << decoded.error().message;
  EXPECT_EQ(EncodeSandbox(*decoded), EncodeSandbox(record));
  EXPECT_EQ(decoded->created_at, record.created_at);
  EXPECT_EQ(decoded->config.sysctls, record.config.sysctls);
  EXPECT_TRUE(decoded->config.host_pid);
  EXPECT_EQ(decoded->config.host_ports, record.config.host_ports);
  CreatedRecord created{.name = "c", .attempt = 4, .id = "i", .image_id = "sha256:x"};
  EXPECT_EQ(EncodeCreated(*DecodeCreated(EncodeCreated(created))), EncodeCreated(created));
}

TEST(PodDirectory, BrokenRecordsAreErrors) {
  for (const char* text : {"", "{}", "[]", "null", R"({"uid":1})"}) {
    EXPECT_FALSE(DecodeSandbox(text).ok()) << text;
    EXPECT_FALSE(DecodeCreated(text).ok()) << text;
  }
}

TEST(CheckName, KeepsPathsApart) {
  EXPECT_TRUE(CheckName("0f3a-9.b_c", "uid").ok());
  for (const std::string& bad :
       {std::string(), std::string(".."), std::string(".hidden"), std::string("a/b"),
        std::string("a b"), std::string(300, 'a'), std::string("a\0b", 3)}) {
    EXPECT_EQ(CheckName(bad, "uid").error().reason, Reason::kInvalid) << bad;
  }
}

TEST(ParseSignal, NamesNumbersAndTheDefault) {
  EXPECT_EQ(ParseSignal("SIGINT"), SIGINT);
  EXPECT_EQ(ParseSignal("QUIT"), SIGQUIT);
  EXPECT_EQ(ParseSignal("9"), SIGKILL);
  EXPECT_EQ(ParseSignal("SIGRTMIN+3"), SIGRTMIN + 3);
  for (const char* other : {"", "0", "-1", "999", "SIGNONSENSE"})
    EXPECT_EQ(ParseSignal(other), SIGTERM) << other;
}

}  // namespace
}  // namespace wherry::nodeagent::runtime::native
