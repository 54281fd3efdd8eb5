// One cluster's life per seed: a deployment is created, updated, scaled and deleted while messages
// are late or lost and processes die. The checker reads every write; at the end everything must
// have come to rest where the user wanted it.
//
//   rollout_sim --seeds=200              seeds 1 to 200
//   rollout_sim --seed=17                that one, with a line per step
//   rollout_sim --plant=FAULT            succeeds when the fault point's bug is caught

#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "lib/telemetry/log.h"
#include "proto/api/apps/v1.pb.h"
#include "proto/api/core/v1.pb.h"
#include "tests/sim/checker.h"
#include "tests/sim/control_plane.h"
#include "tests/support/parse.h"

#include <algorithm>
#include <charconv>
#include <iostream>
#include <string>
#include <string_view>

namespace wherry::sim {
namespace {

using namespace std::chrono_literals;
using testing::Parse;
namespace apps = api::apps::v1;
namespace core = api::core::v1;

constexpr char kNamespace[] = "sim";

struct Plan {
  int replicas = 1;
  int surge = 0;
  int unavailable = 1;
  int min_ready_seconds = 0;
  int image = 1;
  bool only_images = false;  // no scaling, no pods deleted: availability is promised
};

class Simulation {
 public:
  Simulation(uint64_t seed, const std::string& plant, bool verbose)
      : sim_(seed), world_(sim_.world()), verbose_(verbose) {
    if (!plant.empty()) sim_.SetFault(plant, 1.0);
  }

  // The first thing that went wrong, or "".
  std::string Run() {
    testing::SimTransport::Faults faults;
    faults.delay_max = std::chrono::milliseconds(Pick(1, 400));
    faults.lose_request = static_cast<double>(Pick(0, 5)) / 100;
    faults.lose_response = static_cast<double>(Pick(0, 5)) / 100;
    faults.break_stream = static_cast<double>(Pick(0, 2)) / 100;
    plan_.replicas = Pick(1, 12);
    plan_.surge = Pick(0, 4);
    plan_.unavailable = Pick(plan_.surge == 0 ? 1 : 0, 4);
    plan_.min_ready_seconds = Pick(0, 2) == 0 ? Pick(1, 5) : 0;
    plan_.only_images = Pick(0, 1) == 0;

    ControlPlane plane(world_, faults, Pick(1, 3));
    Checker checker(world_, plane.store());
    if (verbose_) checker.Trace([this](const std::string& what) { Say(what); });
    plane_ = &plane;
    checker_ = &checker;
    TaskScope scope(world_.loop);
    std::string failure;
    scope.Spawn("life", Live(failure));
    const bool ended = sim_.RunUntil(
        [&] { return done_ || !failure.empty() || !checker.violations().empty(); }, 3h);
    if (!checker.violations().empty()) return checker.violations().front();
    if (!failure.empty()) return failure;
    return ended ? "" : "the script did not end";
  }

 private:
  int Pick(int low, int high) {
    return low + static_cast<int>(world_.random.Below(static_cast<uint64_t>(high - low + 1)));
  }
  void Say(const std::string& what) {
    if (!verbose_) return;
    const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(
        world_.clock.MonotonicNow().time_since_epoch());
    std::cout << since.count() << " ms: " << what << "\n";
  }

  Task<void> Live(std::string& failure) {
    auto trouble = Trouble();
    TaskScope scope(world_.loop);
    scope.Spawn("trouble", std::move(trouble));
    co_await Create();
    if (plan_.only_images) {
      if (!co_await Converged(30min)) {
        failure = "the first rollout did not end: " + Describe();
        co_return;
      }
      checker_->RequireReady(plan_.replicas - std::min(plan_.unavailable, plan_.replicas));
    }
    const int steps = Pick(2, 6);
    for (int i = 0; i < steps; ++i) {
      co_await Change();
      co_await SleepFor(world_.loop, std::chrono::milliseconds(Pick(0, 15'000)));
    }
    Say("calm");
    calm_ = true;
    plane_->network().SetFaults({});
    if (!co_await Converged(30min)) {
      failure = "the deployment did not converge: " + Describe();
      co_return;
    }
    checker_->RequireReady(std::nullopt);
    Say("delete");
    co_await Delete(api::KindOf<apps::Deployment>(), kNamespace, "web");
    if (!co_await Holds([this] { return checker_->pods().empty() && Sets() == 0; }, 10min)) {
      failure = "owned objects outlived the deployment: " + Describe();
      co_return;
    }
    co_await Delete(api::KindOf<core::Namespace>(), "", kNamespace);
    if (!co_await Holds([this] { return !checker_->HasNamespace(kNamespace); }, 10min)) {
      failure = "the namespace did not end";
      co_return;
    }
    done_ = true;
  }

  // Kills processes and sets the wall clock at random until it is calm.
  Task<void> Trouble() {
    while (true) {
      co_await SleepFor(world_.loop, std::chrono::milliseconds(Pick(1000, 40'000)));
      if (calm_) co_return;
      const auto down = std::chrono::milliseconds(Pick(100, 4000));
      switch (Pick(0, 3)) {
        case 0:
          Say("apiserver dies");
          plane_->RestartApiServer(down);
          break;
        case 1:
          Say("controllers die");
          plane_->RestartControllers(down);
          break;
        case 2:
          Say("scheduler dies");
          plane_->RestartScheduler(down);
          break;
        default:
          const int seconds = Pick(-300, 300);
          Say("the clock is set by " + std::to_string(seconds) + " s");
          sim_.JumpWallClock(std::chrono::seconds(seconds));
      }
    }
  }

  Task<void> Insist(client::MessagePtr object, std::string ns) {
    while (true) {
      auto created = co_await plane_->user().Create(ns, object);
      if (created.ok() || created.error().reason == Reason::kAlreadyExists) co_return;
      co_await SleepFor(world_.loop, 100ms);
    }
  }

  Task<void> Delete(const api::KindInfo& kind, std::string ns, std::string name) {
    while (true) {
      client::DeleteOptions options;
      options.propagation_policy = "Background";
      auto deleted = co_await plane_->user().Delete(kind, ns, name, options);
      if (deleted.ok() || deleted.error().reason == Reason::kNotFound) co_return;
      co_await SleepFor(world_.loop, 100ms);
    }
  }

  Task<void> Create() {
    Say("create: replicas " + std::to_string(plan_.replicas) + ", surge " +
        std::to_string(plan_.surge) + ", unavailable " + std::to_string(plan_.unavailable));
    auto ns = std::make_shared<core::Namespace>();
    ns->mutable_metadata()->set_name(kNamespace);
    co_await Insist(ns, "");
    auto service = Parse<core::Service>(
        R"({"metadata":{"name":"web","namespace":"sim"},
            "spec":{"selector":{"app":"web"},"ports":[{"port":80,"protocol":"TCP","targetPort":8080}]}})");
    co_await Insist(service, kNamespace);
    auto deployment = Parse<apps::Deployment>(
        R"({"metadata":{"name":"web","namespace":"sim"},
            "spec":{"selector":{"matchLabels":{"app":"web"}},
                    "strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":)" +
        std::to_string(plan_.surge) + R"(,"maxUnavailable":)" + std::to_string(plan_.unavailable) +
        R"(}},"template":{"metadata":{"labels":{"app":"web"}},
                          "spec":{"containers":[{"name":"c","image":"v1"}]}}}})");
    deployment->mutable_spec()->set_replicas(plan_.replicas);
    deployment->mutable_spec()->set_minreadyseconds(plan_.min_ready_seconds);
    co_await Insist(deployment, kNamespace);
  }

  Task<void> Change() {
    const int what = plan_.only_images ? 0 : Pick(0, 2);
    if (what == 2) {
      co_await DeleteSomePod();
      co_return;
    }
    std::string patch;
    if (what == 0) {
      plan_.image = Pick(0, 3) == 0 ? std::max(1, plan_.image - 1) : plan_.image + 1;
      patch = R"({"spec":{"template":{"spec":{"containers":[{"name":"c","image":"v)" +
              std::to_string(plan_.image) + R"("}]}}}})";
    } else {
      plan_.replicas = Pick(0, 12);
      patch = R"({"spec":{"replicas":)" + std::to_string(plan_.replicas) + "}}";
    }
    Say(patch);
    while (true) {
      auto patched =
          co_await plane_->user().Patch(api::KindOf<apps::Deployment>(), kNamespace, "web",
                                        client::PatchType::kStrategicMerge, patch, "");
      if (patched.ok()) co_return;
      co_await SleepFor(world_.loop, 100ms);
    }
  }

  Task<void> DeleteSomePod() {
    const auto& pods = checker_->pods();
    if (pods.empty()) co_return;
    auto it = pods.begin();
    std::advance(it, Pick(0, static_cast<int>(pods.size()) - 1));
    const std::string name = it->second.name;
    Say("delete pod " + name);
    co_await Delete(api::KindOf<core::Pod>(), kNamespace, name);
  }

  size_t Sets() const { return checker_->replica_sets().size(); }

  // The store shows what the user asked for, and nothing else.
  bool AtRest() const {
    const std::string image = "v" + std::to_string(plan_.image);
    std::set<std::string> addresses;
    int pods = 0;
    for (const auto& [uid, pod] : checker_->pods()) {
      const auto set = checker_->replica_sets().find(pod.owner);
      if (!pod.active || !pod.ready || set == checker_->replica_sets().end() ||
          set->second.image != image)
        return false;
      ++pods;
      addresses.insert(pod.ip);
    }
    for (const auto& [uid, set] : checker_->replica_sets()) {
      if (set.replicas != (set.image == image ? plan_.replicas : 0)) return false;
    }
    return pods == plan_.replicas && checker_->EndpointAddresses() == addresses;
  }

  // At rest, and `kubectl rollout status` would say so.
  Task<bool> Converged(std::chrono::nanoseconds limit) {
    const MonotonicTime end =
        world_.clock.MonotonicNow() + std::chrono::duration_cast<MonotonicTime::duration>(limit);
    while (world_.clock.MonotonicNow() < end) {
      if (AtRest()) {
        auto found =
            co_await plane_->user().Get(api::KindOf<apps::Deployment>(), kNamespace, "web");
        if (found.ok()) {
          const auto& deployment = static_cast<const apps::Deployment&>(**found);
          const auto& status = deployment.status();
          if (status.observedgeneration() == deployment.metadata().generation() &&
              status.updatedreplicas() == plan_.replicas && status.replicas() == plan_.replicas &&
              status.availablereplicas() == plan_.replicas)
            co_return true;
        }
      }
      co_await SleepFor(world_.loop, 500ms);
    }
    co_return false;
  }

  Task<bool> Holds(std::function<bool()> condition, std::chrono::nanoseconds limit) {
    const MonotonicTime end =
        world_.clock.MonotonicNow() + std::chrono::duration_cast<MonotonicTime::duration>(limit);
    while (!condition() && world_.clock.MonotonicNow() < end) co_await SleepFor(world_.loop, 200ms);
    co_return condition();
  }

  std::string Describe() const {
    std::string text = "want " + std::to_string(plan_.replicas) + " of v" +
                       std::to_string(plan_.image) + "; sets:";
    for (const auto& [uid, set] : checker_->replica_sets())
      text += " " + set.name + "(" + set.image + ")=" + std::to_string(set.replicas);
    text += "; pods:";
    for (const auto& [uid, pod] : checker_->pods())
      text += " " + pod.name + (pod.active ? "" : "!active") + (pod.ready ? "" : "!ready");
    return text + "; " + std::to_string(checker_->EndpointAddresses().size()) + " endpoints";
  }

  SimWorld sim_;
  World& world_;
  bool verbose_;
  Plan plan_;
  ControlPlane* plane_ = nullptr;
  Checker* checker_ = nullptr;
  bool calm_ = false;
  bool done_ = false;
};

// The number after `name` in "--name=N"; `otherwise` when `argument` is another.
uint64_t Option(std::string_view argument, std::string_view name, uint64_t otherwise) {
  if (!argument.starts_with(name)) return otherwise;
  argument.remove_prefix(name.size());
  std::from_chars(argument.data(), argument.data() + argument.size(), otherwise);
  return otherwise;
}

int Main(const std::vector<std::string_view>& arguments) {
  uint64_t first = 1;
  uint64_t count = 200;
  bool verbose = false;
  std::string plant;
  for (const auto argument : arguments) {
    count = Option(argument, "--seeds=", count);
    if (argument.starts_with("--seed=")) {
      first = Option(argument, "--seed=", 1);
      count = 1;
      verbose = true;
    }
    if (argument.starts_with("--plant=")) plant = argument.substr(8);
  }
  telemetry::SetLogLevel(verbose ? telemetry::Level::kInfo : telemetry::Level::kError);
  int failed = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const std::string failure = Simulation(seed, plant, verbose).Run();
    if (failure.empty()) continue;
    ++failed;
    std::cout << "--seed=" << seed << (plant.empty() ? "" : " --plant=" + plant) << ": " << failure
              << "\n";
    if (!plant.empty()) {
      std::cout << "the planted bug was caught\n";
      return 0;
    }
  }
  std::cout << count << " seeds, " << failed << " failed\n";
  return plant.empty() ? (failed == 0 ? 0 : 1) : 1;
}

}  // namespace
}  // namespace wherry::sim

int main(int argc, char** argv) { return wherry::sim::Main({argv + 1, argv + argc}); }
