#include "nodeagent/runtime/native/implementation.h"

namespace wherry::nodeagent::runtime::native {

Task<Result<linux::CgroupStats>> Implementation::Stats(PodUid uid, std::string name) {
  CO_TRY(PodPtr pod, FindPod(uid));
  std::string path = pod->record.cgroup_path;
  if (!name.empty()) {
    auto* container = pod->FindRunning(name);
    if (container == nullptr) {
      co_return MakeError(Reason::kNotFound, "container '" + name + "' is not running");
    }
    path += "/" + container->created.id;
  }
  auto job = [resources = resources_, path] { return resources->Stats(path); };
  auto stats = co_await Run(std::move(job));
  co_return stats;
}

}  // namespace wherry::nodeagent::runtime::native
