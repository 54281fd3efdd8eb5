#include "tests/integration/runtime/node_fixture.h"

namespace wherry::nodeagent::runtime {
namespace {

class RuntimeTest : public NodeFixture {};

TEST_F(RuntimeTest, RunsACommandKeepsItsLogAndItsExitCode) {
  auto config = Shell("greet", "echo hello; echo oops >&2; exit 7");
  ContainerStatus status = RunToExit(config);
  EXPECT_EQ(status.exit_code, 7);
  EXPECT_EQ(status.reason, "Error");
  EXPECT_EQ(status.id.size(), 64u);
  EXPECT_EQ(Log(config), "stdout F hello\nstderr F oops\n");
}

}  // namespace
}  // namespace wherry::nodeagent::runtime
