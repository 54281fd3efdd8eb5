#include "apiserver/registry/core/strategies.h"
#include "tests/unit/apiserver/registry/core/strategy_case.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::registry {
namespace {

using nlohmann::json;

// READY, STATUS and RESTARTS of a pod with two containers and this status.
struct PrinterCase {
  const char* what;
  const char* init_containers;
  const char* status;
  std::vector<std::string> cells;
  bool deleted = false;
};

const PrinterCase kCases[] = {
    {"Pending", "[]", R"({"phase": "Pending"})", {"0/2", "Pending", "0"}},
    {"Running",
     "[]",
     R"({"phase": "Running", "containerStatuses": [
          {"name": "a", "ready": true, "state": {"running": {}}},
          {"name": "b", "ready": true, "state": {"running": {}}}]})",
     {"2/2", "Running", "0"}},
    {"Creating",
     "[]",
     R"({"phase": "Pending", "containerStatuses": [
          {"name": "a", "state": {"waiting": {"reason": "ContainerCreating"}}},
          {"name": "b", "state": {"waiting": {"reason": "ContainerCreating"}}}]})",
     {"0/2", "ContainerCreating", "0"}},
    {"CrashLoop",
     "[]",
     R"({"phase": "Running", "containerStatuses": [
          {"name": "a", "ready": true, "state": {"running": {}}},
          {"name": "b", "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
           "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2023-11-14T22:08:20Z"}}}]})",
     {"1/2", "CrashLoopBackOff", "3 (5m ago)"}},
    {"Completed",
     "[]",
     R"({"phase": "Succeeded", "containerStatuses": [
          {"name": "a", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
          {"name": "b", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]})",
     {"0/2", "Completed", "0"}},
    {"OneCompletedOneRunning",
     "[]",
     R"({"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}],
         "containerStatuses": [
          {"name": "a", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
          {"name": "b", "ready": true, "state": {"running": {}}}]})",
     {"1/2", "NotReady", "0"}},
    {"ExitCode",
     "[]",
     R"({"phase": "Failed", "containerStatuses": [
          {"name": "a", "state": {"terminated": {"exitCode": 3}}}]})",
     {"0/2", "ExitCode:3", "0"}},
    {"Signal",
     "[]",
     R"({"phase": "Failed", "containerStatuses": [
          {"name": "a", "state": {"terminated": {"exitCode": 137, "signal": 9}}}]})",
     {"0/2", "Signal:9", "0"}},
    {"Evicted", "[]", R"({"phase": "Failed", "reason": "Evicted"})", {"0/2", "Evicted", "0"}},
    {"Gated",
     "[]",
     R"({"phase": "Pending", "conditions": [
          {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]})",
     {"0/2", "SchedulingGated", "0"}},
    {"InitRunning",
     R"([{"name": "i", "image": "x"}, {"name": "j", "image": "x"}])",
     R"({"phase": "Pending", "initContainerStatuses": [
          {"name": "i", "state": {"terminated": {"exitCode": 0}}},
          {"name": "j", "state": {"running": {}}}]})",
     {"0/2", "Init:1/2", "0"}},
    {"InitFailing",
     R"([{"name": "i", "image": "x"}])",
     R"({"phase": "Pending", "initContainerStatuses": [
          {"name": "i", "restartCount": 2, "state": {"terminated": {"exitCode": 1, "reason": "Error"}},
           "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2023-11-14T22:12:20Z"}}}]})",
     {"0/2", "Init:Error", "2 (60s ago)"}},
    {"InitImage",
     R"([{"name": "i", "image": "x"}])",
     R"({"phase": "Pending", "initContainerStatuses": [
          {"name": "i", "state": {"waiting": {"reason": "ErrImagePull"}}}]})",
     {"0/2", "Init:ErrImagePull", "0"}},
    {"Terminating", "[]", R"({"phase": "Running"})", {"0/2", "Terminating", "0"}, true},
    {"Lost", "[]", R"({"phase": "Running", "reason": "NodeLost"})", {"0/2", "Unknown", "0"}, true},
};

class PodRows : public ::testing::TestWithParam<PrinterCase> {};

TEST_P(PodRows, SayWhatUpstreamsSay) {
  auto strategy = core::MakePodStrategy();
  json pod = json::parse(R"({"metadata": {"name": "web"}, "spec": {"containers": [
    {"name": "a", "image": "x"}, {"name": "b", "image": "x"}]}})");
  pod["spec"]["initContainers"] = json::parse(GetParam().init_containers);
  pod["status"] = json::parse(GetParam().status);
  if (GetParam().deleted) pod["metadata"]["deletionTimestamp"] = "2023-11-14T22:13:00Z";
  std::vector<std::string> cells = Cells(*strategy, pod);
  EXPECT_EQ(std::vector<std::string>(cells.begin() + 1, cells.begin() + 4), GetParam().cells);
}

INSTANTIATE_TEST_SUITE_P(Table, PodRows, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.what; });

TEST(PodPrinter, ShowsPlacementInWideColumns) {
  auto strategy = core::MakePodStrategy();
  json pod = json::parse(R"({
    "metadata": {"name": "web", "creationTimestamp": "2023-11-13T22:13:20Z"},
    "spec": {"nodeName": "n1", "containers": [{"name": "a", "image": "x"}],
             "readinessGates": [{"conditionType": "example.com/up"},
                                {"conditionType": "example.com/other"}]},
    "status": {"phase": "Running", "podIP": "10.244.0.5", "podIPs": [{"ip": "10.244.0.5"}],
               "conditions": [{"type": "example.com/up", "status": "True"}]}})");
  std::vector<std::string> cells = Cells(*strategy, pod);
  EXPECT_EQ(std::vector<std::string>(cells.begin() + 4, cells.end()),
            (std::vector<std::string>{"24h", "10.244.0.5", "n1", "<none>", "1/2"}));
}

TEST(PodPrinter, MarksPodsThatAreDone) {
  auto strategy = core::MakePodStrategy();
  auto pod = testing::Decode(*strategy, json::parse(R"({"status": {"phase": "Succeeded"}})"));
  TableRow row = strategy->Printer().Row(*pod, testing::kNow);
  ASSERT_EQ(row.conditions.size(), 1U);
  EXPECT_EQ(json::parse(row.conditions[0])["type"], "Completed");
}

}  // namespace
}  // namespace wherry::apiserver::registry
