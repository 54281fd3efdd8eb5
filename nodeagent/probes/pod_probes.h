#pragma once

#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "nodeagent/probes/prober.h"
#include "nodeagent/runtime/runtime.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wherry::api::core::v1 {
class Container;
class Pod;
}  // namespace wherry::api::core::v1

namespace wherry::nodeagent::probes {

// What the probes of one container run (by id) have decided so far; absent: no decision yet.
struct ProbeResults {
  std::optional<bool> startup;
  std::optional<bool> liveness;
  std::optional<bool> readiness;
};
using ProbeResultMap = std::map<std::string, ProbeResults>;

// Asks the probes of one pod's running containers, each on its own schedule: first at the
// container's start plus initialDelaySeconds, then every periodSeconds. Liveness and readiness wait
// until the startup probe has succeeded. A failed startup or liveness probe asks no more; the
// container's next run starts afresh.
//
// A readiness or startup probe without initial delay for which one success is enough is also tried,
// quietly, at doubling intervals within the first period, and only a success counts then: a server
// that is up after 100 ms need not wait for the second tick.
//
// Loop thread. Owned by the pod's worker. Callbacks run inside probes: they must not destroy this
// and may call Sync, which ends a probe that calls it in a later turn.
class PodProbes {
 public:
  struct Callbacks {
    // A result was established that differs from the one before.
    std::function<void()> on_result;
    // A try failed or deserves a warning: fit for an event about `container`.
    std::function<void(const std::string& container, const std::string& reason,
                       const std::string& message)>
        on_event;
  };
  PodProbes(World& world, Prober& prober, Callbacks callbacks);
  ~PodProbes();

  // Starts what is missing and ends what is left over, by the containers that run now.
  void Sync(const api::core::v1::Pod& pod, const runtime::SandboxStatus& sandbox);
  // The pod is going away: its containers are not to be killed for being unhealthy any more.
  void StopLivenessAndStartup();
  void StopAll();

  // A result known from before the agent's start.
  void Seed(const std::string& container_id, ProbeResults results);
  const ProbeResultMap& results() const { return results_; }

 private:
  struct Watched;
  struct Spec;
  Task<void> Run(std::string id, ProbeType type, std::shared_ptr<const Spec> spec);
  Task<std::optional<bool>> Try(std::shared_ptr<const Spec> spec, ProbeType type, bool quiet,
                                ThresholdCounter* counter);
  Task<void> WaitUntilStarted(std::string id);
  void Set(const std::string& id, ProbeType type, bool result);
  void EndLater(std::unique_ptr<Watched> watched);

  World& world_;
  Prober& prober_;
  Callbacks callbacks_;
  std::map<std::string, std::unique_ptr<Watched>> watched_;  // by container id
  std::vector<std::unique_ptr<Watched>> ended_;  // Sync may have been called by a probe of theirs
  ProbeResultMap results_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace wherry::nodeagent::probes
