#pragma once

#include "lib/base/result.h"
#include "lib/loop/task.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::nodeagent::images {

// A parsed image reference. Source: distribution/reference grammar.
struct ImageReference {
  std::string registry;          // "docker.io" when not given
  std::string repository;        // "library/busybox" for "busybox" on docker.io
  std::string tag;               // "latest" when neither tag nor digest is given
  std::string digest;            // "sha256:..." or ""
  std::string ToString() const;  // canonical
};
// Errors: kInvalid, with a message fit for a container's waiting state "InvalidImageName".
Result<ImageReference> ParseImageReference(std::string_view text);

// What the image's config says about running it. Source: OCI image-spec config.md.
struct ImageConfig {
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::vector<std::string> env;  // "NAME=value"
  std::string working_dir;
  std::string user;  // "uid", "uid:gid", "name", "name:group" or ""
  std::string stop_signal;
};

struct Image {
  std::string id;                         // "sha256:<config digest>"
  std::vector<std::string> repo_tags;     // "docker.io/library/busybox:1.36"
  std::vector<std::string> repo_digests;  // "docker.io/library/busybox@sha256:..."
  int64_t size_bytes = 0;
  ImageConfig config;
};

struct RegistryAuth {
  std::string username;
  std::string password;
};

// The node's image store. Loop thread; heavy work goes to Blocking.
class ImageService {
 public:
  virtual ~ImageService() = default;

  // Errors: kNotFound when it is not present.
  virtual Result<Image> ImageStatus(const std::string& reference) const = 0;
  virtual std::vector<Image> ListImages() const = 0;
  // Fetches what is missing; every blob's digest is verified before it is used. Concurrent pulls of
  // one reference share the work. Errors become "ErrImagePull" with this message; nothing
  // half-pulled is ever run.
  virtual Task<Result<Image>> PullImage(std::string reference,
                                        std::optional<RegistryAuth> auth) = 0;
  // From an OCI layout, a docker-archive (tar or directory), a rootfs tar or a rootfs directory.
  virtual Task<Result<Image>> ImportImage(std::string reference, std::string path) = 0;
  virtual Task<Status> RemoveImage(std::string reference) = 0;
};

}  // namespace wherry::nodeagent::images
