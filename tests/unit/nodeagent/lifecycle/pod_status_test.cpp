#include "nodeagent/lifecycle/pod_status.h"

#include "lib/api/time.h"
#include "tests/unit/nodeagent/lifecycle/pod_builder.h"

#include <gtest/gtest.h>

namespace wherry::nodeagent::lifecycle {
namespace {

using runtime::ContainerState;

class PodStatusTest : public ::testing::Test {
 protected:
  PodStatusTest() {
    pod_ = PodFrom(R"({"metadata":{"name":"p","namespace":"ns","uid":"u"},
      "spec":{"restartPolicy":"Always","containers":[{"name":"b","image":"x:1"},
      {"name":"a","image":"x:1","readinessProbe":{"tcpSocket":{"port":80}},
       "startupProbe":{"tcpSocket":{"port":80}}}]}})");
    now_ += std::chrono::hours(24 * 365 * 50);
    sandbox_.state = runtime::SandboxState::kReady;
    sandbox_.ips = {"10.0.0.5"};
  }
  runtime::ContainerStatus& Add(const std::string& name, ContainerState state, int attempt = 0,
                                int exit_code = 0) {
    runtime::ContainerStatus status;
    status.name = name;
    status.id = name + std::to_string(attempt);
    status.attempt = attempt;
    status.state = state;
    status.exit_code = exit_code;
    status.started_at = status.finished_at = now_;
    sandbox_.containers.push_back(status);
    return sandbox_.containers.back();
  }
  PodStatus Generate() {
    previous_ = GeneratePodStatus({.pod = pod_,
                                   .previous = previous_,
                                   .sandbox = &sandbox_,
                                   .start_failures = failures_,
                                   .probes = probes_,
                                   .host_ip = "1.2.3.4",
                                   .verdict = verdict_,
                                   .finished = finished_,
                                   .now = now_});
    return previous_;
  }
  static std::string Condition(const PodStatus& status, const std::string& type) {
    for (const auto& condition : status.conditions())
      if (condition.type() == type) return condition.status() + condition.reason();
    return "";
  }

  Pod pod_;
  PodStatus previous_;
  runtime::SandboxStatus sandbox_;
  std::map<std::string, StartFailure> failures_;
  ProbeResultMap probes_;
  std::optional<PodVerdict> verdict_;
  bool finished_ = false;
  WallTime now_{};
};

TEST_F(PodStatusTest, ContainersAreListedByNameAndWaitAtFirst) {
  const PodStatus status = Generate();
  EXPECT_EQ(status.phase(), "Pending");
  ASSERT_EQ(status.containerstatuses_size(), 2);
  EXPECT_EQ(status.containerstatuses(0).name(), "a");
  EXPECT_EQ(status.containerstatuses(0).state().waiting().reason(), "ContainerCreating");
  EXPECT_EQ(Condition(status, "Initialized"), "True");
  EXPECT_EQ(Condition(status, "ContainersReady"), "FalseContainersNotReady");
  EXPECT_EQ(Condition(status, "PodScheduled"), "True");
}

TEST_F(PodStatusTest, ReadyNeedsStartupThenReadiness) {
  Add("a", ContainerState::kRunning);
  Add("b", ContainerState::kRunning);
  PodStatus status = Generate();
  EXPECT_EQ(status.phase(), "Running");
  EXPECT_FALSE(status.containerstatuses(0).started());
  EXPECT_TRUE(status.containerstatuses(1).ready());
  probes_["a0"].startup = true;
  status = Generate();
  EXPECT_TRUE(status.containerstatuses(0).started());
  EXPECT_FALSE(status.containerstatuses(0).ready());
  EXPECT_EQ(Condition(status, "Ready"), "FalseContainersNotReady");
  probes_["a0"].readiness = true;
  EXPECT_EQ(Condition(Generate(), "Ready"), "True");
}

TEST_F(PodStatusTest, TransitionTimesMoveOnlyWithTheStatus) {
  const PodStatus first = Generate();
  now_ += std::chrono::seconds(10);
  Add("a", ContainerState::kRunning);
  Add("b", ContainerState::kRunning);
  probes_["a0"] = {.startup = true, .readiness = true};
  const PodStatus second = Generate();
  for (int i = 0; i < 4; ++i) {
    const bool changed = first.conditions(i).status() != second.conditions(i).status();
    EXPECT_EQ(second.conditions(i).lasttransitiontime().seconds() !=
                  first.conditions(i).lasttransitiontime().seconds(),
              changed)
        << second.conditions(i).type();
  }
  EXPECT_EQ(first.starttime().seconds(), second.starttime().seconds());
}

TEST_F(PodStatusTest, AFailureToStartMovesTheEndIntoLastState) {
  Add("b", ContainerState::kExited, 1, 3).reason = "Error";
  Add("a", ContainerState::kRunning);
  failures_["b"] = {"CrashLoopBackOff", "back-off"};
  const PodStatus status = Generate();
  EXPECT_EQ(status.containerstatuses(1).state().waiting().reason(), "CrashLoopBackOff");
  EXPECT_EQ(status.containerstatuses(1).laststate().terminated().exitcode(), 3);
  EXPECT_EQ(status.containerstatuses(1).restartcount(), 1);
  EXPECT_EQ(status.phase(), "Running");
}

TEST_F(PodStatusTest, TheAttemptBeforeIsTheLastState) {
  Add("b", ContainerState::kExited, 0, 9);
  Add("b", ContainerState::kRunning, 1);
  const PodStatus status = Generate();
  EXPECT_TRUE(status.containerstatuses(1).state().has_running());
  EXPECT_EQ(status.containerstatuses(1).laststate().terminated().exitcode(), 9);
}

TEST_F(PodStatusTest, PhaseByRestartPolicyWhenAllAreDead) {
  struct Case {
    const char* policy;
    int exit_code;
    bool finished;
    const char* phase;
  };
  for (const Case& c : {Case{"Always", 0, false, "Running"}, Case{"Always", 0, true, "Succeeded"},
                        Case{"Always", 1, true, "Failed"}, Case{"OnFailure", 1, false, "Running"},
                        Case{"OnFailure", 0, false, "Succeeded"}, Case{"Never", 1, false, "Failed"},
                        Case{"Never", 0, false, "Succeeded"}}) {
    pod_.mutable_spec()->set_restartpolicy(c.policy);
    previous_.Clear();
    sandbox_.containers.clear();
    Add("a", ContainerState::kExited, 0, 0);
    Add("b", ContainerState::kExited, 0, c.exit_code);
    finished_ = c.finished;
    EXPECT_EQ(Generate().phase(), c.phase) << c.policy << c.exit_code << c.finished;
  }
}

TEST_F(PodStatusTest, ATerminalPhaseStays) {
  pod_.mutable_spec()->set_restartpolicy("Never");
  Add("a", ContainerState::kExited);
  Add("b", ContainerState::kExited);
  EXPECT_EQ(Generate().phase(), "Succeeded");
  sandbox_.containers.clear();
  EXPECT_EQ(Generate().phase(), "Succeeded");
  EXPECT_TRUE(previous_.containerstatuses(0).state().has_terminated());
}

TEST_F(PodStatusTest, AVerdictShowsOnceNothingRuns) {
  Add("a", ContainerState::kRunning);
  verdict_ = PodVerdict{"DeadlineExceeded", "too long"};
  EXPECT_EQ(Generate().phase(), "Pending");
  sandbox_.containers[0].state = ContainerState::kExited;
  const PodStatus status = Generate();
  EXPECT_EQ(status.phase(), "Failed");
  EXPECT_EQ(status.reason(), "DeadlineExceeded");
}

TEST_F(PodStatusTest, MissingEndsAreFilledInAtTheEnd) {
  Add("a", ContainerState::kExited, 0, 0);
  finished_ = true;
  const PodStatus status = Generate();
  EXPECT_EQ(status.containerstatuses(1).state().terminated().reason(), "ContainerStatusUnknown");
  EXPECT_EQ(status.phase(), "Failed");
}

TEST_F(PodStatusTest, AddressesStayWhenTheSandboxIsGone) {
  EXPECT_EQ(Generate().podip(), "10.0.0.5");
  sandbox_.ips.clear();
  EXPECT_EQ(Generate().podip(), "10.0.0.5");
  EXPECT_EQ(previous_.hostip(), "1.2.3.4");
}

}  // namespace
}  // namespace wherry::nodeagent::lifecycle
