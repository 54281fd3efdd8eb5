#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"
#include "nodeagent/images/image_store.h"
#include "nodeagent/runtime/native/pod_directory.h"

#include <memory>
#include <string>

namespace wherry::nodeagent::runtime::native {

// The root file system of a container: an overlay over the image's layers, mounted nowhere yet.
// Blocking. `scratch` as linux::MakeOverlay; `directory` holds upper/ and work/.
Result<linux::Fd> MakeContainerRoot(const images::ImageStore& store,
                                    const images::StoredImage& image, int directory,
                                    const std::string& scratch);

// A root that was made before any container asked for it. Making one takes half of a container's
// start, most of it in the file system's journal; a spare takes that out of the way of the next
// container of an image that was just used. Its layers are leased under its own name.
struct SpareRoot {
  std::string name;  // directory below "spares"
  std::string image_id;
  linux::Fd mount;
};

// Where spares lie. Blocking; any thread. What a crash leaves is removed by Open, and its leases by
// PodResources::RecoverPods.
class SpareRoots {
 public:
  // `state` is the runtime's directory, `scratch` an empty one.
  static Result<SpareRoots> Open(const std::string& state, const std::string& scratch,
                                 const images::ImageStore& store);
  Result<std::shared_ptr<SpareRoot>> Make(const std::string& image_id,
                                          const std::string& name) const;
  // Moves the spare's directory to `to` in `directory`, which must not exist.
  Status MoveTo(const SpareRoot& spare, int directory, const std::string& to) const;
  // After MoveTo, or instead of it.
  Status Forget(const SpareRoot& spare) const;

 private:
  SpareRoots(linux::Fd directory, std::string scratch, const images::ImageStore& store)
      : directory_(std::move(directory)), scratch_(std::move(scratch)), store_(store) {}
  linux::Fd directory_;
  std::string scratch_;
  const images::ImageStore& store_;
};

}  // namespace wherry::nodeagent::runtime::native
