#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"
#include "lib/linux/file_lock.h"
#include "nodeagent/images/image_service.h"
#include "nodeagent/images/staging.h"
#include "nodeagent/images/unpack.h"

#include <string>
#include <vector>

namespace wherry::nodeagent::images {

// An image and where its layers lie.
struct StoredImage {
  Image image;
  std::vector<std::string> diff_ids;  // lowest first
};

// The images on disk, shared by the processes of a node (the agent, `wherry image`).
//
//   images.json          what there is; replaced as a whole
//   blobs/sha256/<hex>   configs and manifests
//   layers/<hex>         unpacked layers by diff id, in overlayfs's form
//   leases/<container>   the layers a container stands on
//   staging/             what is being unpacked or downloaded, locked by who does it
//
// A layer appears under its name only when complete and on disk, and images.json is written after
// its layers: a crash leaves nothing half made, at most something unused, which CollectGarbage
// takes away. Blocking; any thread, any process: changes are made under a file lock.
class ImageStore {
 public:
  // `directory` is made when missing.
  static Result<ImageStore> Open(const std::string& directory);

  Result<std::vector<StoredImage>> List() const;
  // By id, by tag or by digest reference. Errors: kNotFound.
  Result<StoredImage> Find(const std::string& reference) const;
  // Changes whenever images.json does; for caches.
  std::string Generation() const;

  bool HasLayer(const std::string& diff_id) const;
  std::string LayerPath(const std::string& diff_id) const;
  Result<std::string> ReadBlob(const std::string& digest) const;
  // Stores bytes under their digest and returns it.
  Result<std::string> WriteBlob(std::string_view bytes) const;

  // A scratch directory on the store's file system.
  Result<Staging> MakeStaging() const;
  // Unpacks a layer's tar. Errors: kInvalid when its digest is not `expected_diff_id` ("" accepts
  // any). Returns the diff id.
  Result<std::string> AddLayer(int archive, const std::string& expected_diff_id) const;
  // Records an image whose layers are all there; `name` ("" none) is taken from whichever image had
  // it. Errors: kInvalid when a layer is missing.
  Result<StoredImage> AddImage(const std::string& config_text, const ImageReference* name,
                               const std::string& manifest_digest, int64_t size_bytes) const;
  // Takes the name away, or the image when `reference` is its id or its last name.
  Status Remove(const std::string& reference) const;

  // Keeps the image's layers until Release(owner), across restarts. Idempotent. Errors: kNotFound
  // when a layer has been collected already.
  Status Lease(const std::string& owner, const StoredImage& image) const;
  Status Release(const std::string& owner) const;
  Result<std::vector<std::string>> LeaseOwners() const;

  // Removes layers and blobs that no image and no lease names, and RemoveAbandoned.
  Status CollectGarbage() const;
  // Removes the staging directories of processes that have ended.
  Status RemoveAbandoned() const;

 private:
  ImageStore(linux::Fd root, std::string path) : root_(std::move(root)), path_(std::move(path)) {}
  Result<linux::FileLock> Lock() const;
  // Moves what nothing names into staging. Under the lock.
  Status SetUnusedAside() const;
  Result<std::vector<StoredImage>> Load() const;
  Status Save(const std::vector<StoredImage>& images) const;

  linux::Fd root_;
  std::string path_;
};

}  // namespace wherry::nodeagent::images
