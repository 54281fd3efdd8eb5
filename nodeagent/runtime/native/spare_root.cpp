#include "nodeagent/runtime/native/spare_root.h"

#include "lib/linux/file.h"
#include "lib/linux/mount.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace wherry::nodeagent::runtime::native {

using linux::Fd;

Result<Fd> MakeContainerRoot(const images::ImageStore& store, const images::StoredImage& image,
                             int directory, const std::string& scratch) {
  linux::OverlayLayers layers;
  std::vector<Fd> lower;
  for (auto diff_id = image.diff_ids.rbegin(); diff_id != image.diff_ids.rend(); ++diff_id) {
    TRY(Fd layer, linux::OpenDirectory(AT_FDCWD, store.LayerPath(*diff_id)));
    layers.lower.push_back(layer.get());
    lower.push_back(std::move(layer));
  }
  if (lower.empty()) return MakeError(Reason::kInvalid, "image has no layers");
  TRY(Fd upper, linux::OpenDirectory(directory, "upper"));
  TRY(Fd work, linux::OpenDirectory(directory, "work"));
  layers.upper = upper.get();
  layers.work = work.get();
  return linux::MakeOverlay(layers, true, scratch);
}

Result<SpareRoots> SpareRoots::Open(const std::string& state, const std::string& scratch,
                                    const images::ImageStore& store) {
  std::string path = state + "/spares";
  TRY_STATUS(linux::RemoveTree(AT_FDCWD, path));
  TRY_STATUS(linux::MakeDirs(AT_FDCWD, path, 0700));
  TRY(Fd directory, linux::OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  return SpareRoots(std::move(directory), scratch, store);
}

Result<std::shared_ptr<SpareRoot>> SpareRoots::Make(const std::string& image_id,
                                                    const std::string& name) const {
  TRY(images::StoredImage image, store_.Find(image_id));
  auto spare = std::make_shared<SpareRoot>(SpareRoot{.name = name, .image_id = image_id});
  TRY_STATUS(store_.Lease(name, image));
  auto fill = [&]() -> Status {
    for (const std::string& path : {name, name + "/upper", name + "/work"}) {
      if (::mkdirat(directory_.get(), path.c_str(), 0755) != 0) {
        return ErrnoError(errno, "make directory '" + path + "'");
      }
    }
    TRY(Fd own, linux::OpenAt(directory_.get(), name, O_RDONLY | O_DIRECTORY));
    TRY(spare->mount, MakeContainerRoot(store_, image, own.get(), scratch_));
    return Ok();
  };
  if (auto filled = fill(); !filled.ok()) {
    Ignore(Forget(*spare), "the first error counts");
    return std::move(filled).error();
  }
  return spare;
}

Status SpareRoots::MoveTo(const SpareRoot& spare, int directory, const std::string& to) const {
  if (::renameat(directory_.get(), spare.name.c_str(), directory, to.c_str()) != 0) {
    return ErrnoError(errno, "take over a prepared root");
  }
  return Ok();
}

Status SpareRoots::Forget(const SpareRoot& spare) const {
  TRY_STATUS(linux::RemoveTree(directory_.get(), spare.name));
  return store_.Release(spare.name);
}

}  // namespace wherry::nodeagent::runtime::native
