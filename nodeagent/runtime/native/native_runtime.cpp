#include "nodeagent/runtime/native/native_runtime.h"

#include "nodeagent/runtime/native/implementation.h"

#include <unistd.h>

namespace wherry::nodeagent::runtime::native {

Result<std::string> FindInitProgram() {
  std::string path(4096, '\0');
  ssize_t n = ::readlink("/proc/self/exe", path.data(), path.size());
  if (n < 0) return ErrnoError(errno, "find this program");
  path.resize(static_cast<size_t>(n));
  path.replace(path.find_last_of('/') + 1, std::string::npos, "wherry-init");
  if (::access(path.c_str(), X_OK) != 0) return ErrnoError(errno, "find '" + path + "'");
  return path;
}

Result<std::unique_ptr<NativeRuntime>> NativeRuntime::Open(World& world, const Options& options,
                                                           const images::ImageStore& store,
                                                           network::PodNetwork* network) {
  std::string program = options.init_program;
  if (program.empty()) {
    TRY(program, FindInitProgram());
  }
  PodResources::Options resource_options{.state_directory = options.state_directory,
                                         .cgroup_parent = options.cgroup_parent,
                                         .pod_pids_max = options.pod_pids_max};
  TRY(auto resources, PodResources::Open(resource_options, store, network));
  auto runtime =
      std::make_unique<Implementation>(world, options, std::move(resources), std::move(program));
  TRY_STATUS(runtime->Prepare());
  return std::unique_ptr<NativeRuntime>(std::move(runtime));
}

}  // namespace wherry::nodeagent::runtime::native
