#pragma once

#include "lib/base/result.h"
#include "lib/loop/world.h"
#include "nodeagent/images/image_store.h"
#include "nodeagent/network/pod_network.h"
#include "nodeagent/runtime/runtime.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace wherry::nodeagent::runtime::native {

// The Runtime over Linux itself: a supervisor process per pod (nodeagent/init).
//
// Loop thread; what blocks goes to World::blocking. Destroying it leaves every pod running; the
// next one finds them with Recover.
class NativeRuntime : public Runtime {
 public:
  struct Options {
    std::string state_directory;           // "<data-dir>/runtime"
    std::string init_program;              // "" looks for wherry-init beside this program
    std::string cgroup_parent = "wherry";  // one per node on a machine
    int64_t pod_pids_max = 4096;           // of each pod that asks for no less; below 1: no limit
    // A supervisor that takes longer for a simple answer is killed.
    std::chrono::milliseconds answer_timeout = std::chrono::seconds(30);
  };
  // `store` and `network` outlive it; `network` may be null (pods then have only loopback). Blocks
  // for some milliseconds.
  static Result<std::unique_ptr<NativeRuntime>> Open(World& world, const Options& options,
                                                     const images::ImageStore& store,
                                                     network::PodNetwork* network);

  // For a node whose pod CIDR was not known at Open: before the first pod with a network of its
  // own. `network` outlives this.
  virtual void SetNetwork(network::PodNetwork& network) = 0;
  // Controllers whose limits this machine cannot enforce: for a warning at the start.
  virtual std::vector<std::string> MissingControllers() const = 0;
};

// Where wherry-init is expected: beside the running program.
Result<std::string> FindInitProgram();

}  // namespace wherry::nodeagent::runtime::native
