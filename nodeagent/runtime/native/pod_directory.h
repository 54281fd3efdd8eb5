#pragma once

#include "lib/base/result.h"
#include "lib/linux/disk_usage.h"
#include "lib/linux/fd.h"
#include "nodeagent/init/protocol.h"
#include "nodeagent/runtime/runtime.h"

#include <functional>
#include <string>
#include <vector>

namespace wherry::nodeagent::runtime::native {

// What must survive the agent about a pod's sandbox and its containers.
struct SandboxRecord {
  SandboxConfig config;
  WallTime created_at;
  std::vector<std::string> ips;
  std::string cgroup_path;
};
struct CreatedRecord {
  std::string name;
  int32_t attempt = 0;
  std::string id;
  std::string image_id;
  WallTime created_at;
};

std::string EncodeSandbox(const SandboxRecord& record);
Result<SandboxRecord> DecodeSandbox(std::string_view text);
std::string EncodeCreated(const CreatedRecord& record);
Result<CreatedRecord> DecodeCreated(std::string_view text);

// The runtime's directory of one pod:
//
//   sandbox.json                what was asked for
//   sock                        where the supervisor listens
//   exit-<name>-<attempt>       written by the supervisor
//   c/<name>_<attempt>/         container.json, upper/, work/
//
// Blocking; any thread.
class PodDirectory {
 public:
  // Errors: kInvalid when the uid cannot be a file name.
  static Result<PodDirectory> Make(int pods, const PodUid& uid);
  static Result<PodDirectory> Open(int pods, const PodUid& uid);
  static Status Remove(int pods, const PodUid& uid);

  int fd() const { return fd_.get(); }
  Status SaveSandbox(const SandboxRecord& record) const;
  Result<SandboxRecord> LoadSandbox() const;

  // Makes the container's directory, with an empty upper and work directory. `move_in`, when not
  // null, is called with the pod's directory and a name to put such a directory there instead.
  Result<linux::Fd> MakeContainer(
      const CreatedRecord& record,
      const std::function<Status(int directory, const std::string& name)>& move_in = nullptr) const;
  Result<std::vector<CreatedRecord>> LoadContainers() const;
  // What the container has written into its root file system.
  Result<linux::DiskUsage> WritableLayerUsage(const std::string& name, int32_t attempt) const;
  Status RemoveContainer(const std::string& name, int32_t attempt) const;
  // What the supervisor wrote. Errors: kNotFound.
  Result<init::ContainerRecord> LoadExit(const std::string& name, int32_t attempt) const;

 private:
  explicit PodDirectory(linux::Fd fd) : fd_(std::move(fd)) {}
  linux::Fd fd_;
};

// Names of pods and containers become names of files and cgroups: letters, digits, '-', '.', '_',
// at most 253 bytes, no leading dot.
Status CheckName(const std::string& name, const char* what);

}  // namespace wherry::nodeagent::runtime::native
