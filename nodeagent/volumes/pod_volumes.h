#pragma once

#include "lib/base/result.h"
#include "lib/loop/task.h"
#include "lib/loop/world.h"
#include "nodeagent/volumes/downward_api.h"
#include "nodeagent/volumes/mount_calls.h"
#include "nodeagent/volumes/object_source.h"

#include <map>
#include <memory>
#include <string>

namespace wherry::api::core::v1 {
class Pod;
}

namespace wherry::nodeagent::volumes {

// Where an emptyDir volume is.
std::string EmptyDirPath(const std::string& pod_directory, const std::string& volume);

// The volumes of one pod: directories below <pod directory>/volumes, made and kept current.
//
// Loop thread; the file system is touched on Blocking. Owned by the pod's worker.
class PodVolumes {
 public:
  PodVolumes(World& world, std::shared_ptr<MountCalls> mounts, const ObjectSource& objects,
             std::string pod_directory);

  // Makes every volume that is missing and rewrites those whose content has changed; returns when
  // all are ready. Cheap when nothing changed.
  // Errors: `MountVolume.SetUp failed for volume "x" : ...`, the first in order of the spec.
  Task<Status> Sync(std::shared_ptr<const api::core::v1::Pod> pod, DownwardContext context);
  // Unmounts and removes everything, the pod's directory included. May be repeated.
  Task<Status> TearDown();

  // Where the volume is on the node; "" when it has not been made.
  std::string PathOf(const std::string& volume) const;

 private:
  struct Plan;
  static Status Apply(const Plan& plan, MountCalls& mounts, int64_t stamp);

  World& world_;
  std::shared_ptr<MountCalls> mounts_;  // jobs hold it too
  const ObjectSource& objects_;
  std::string pod_directory_;
  std::map<std::string, std::string> paths_;  // by volume
  std::map<std::string, uint64_t> written_;   // hash of the content, by projected volume
};

}  // namespace wherry::nodeagent::volumes
