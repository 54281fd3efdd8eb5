#pragma once

#include "lib/base/result.h"
#include "nodeagent/volumes/downward_api.h"
#include "nodeagent/volumes/object_source.h"

#include <cstdint>
#include <map>
#include <string>

namespace wherry::api::core::v1 {
class ConfigMap;
class Pod;
class Secret;
class Volume;
}  // namespace wherry::api::core::v1

namespace wherry::nodeagent::volumes {

// A file of a projected volume.
struct FileProjection {
  std::string data;
  uint32_t mode = 0644;
  int64_t user = -1;  // who owns it; negative: the node agent
  bool operator==(const FileProjection&) const = default;
};
// By path relative to the volume.
using Payload = std::map<std::string, FileProjection>;

// Whether the volume's files come from the API: configMap, secret, downwardAPI, projected.
bool IsProjection(const api::core::v1::Volume& volume);

// What such a volume holds now. A missing optional object or key adds nothing.
// Errors: kNotFound for a missing object or key, kInvalid for a source that is not supported.
// Source: pkg/volume/{configmap,secret,downwardapi,projected}.
Result<Payload> ProjectVolume(const api::core::v1::Pod& pod, const api::core::v1::Volume& volume,
                              const DownwardContext& context, const ObjectSource& objects);

}  // namespace wherry::nodeagent::volumes
