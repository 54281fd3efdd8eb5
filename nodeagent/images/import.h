#pragma once

#include "nodeagent/images/image_store.h"

#include <string>

namespace wherry::nodeagent::images {

// Takes an image from the file system into the store. Blocking.
//
// `path` is an OCI layout (directory or tar), a docker-archive (tar or directory), a root file
// system as a tar (gzip and zstd included) or as a directory. `name` may be null: the names inside
// the archive are taken then. Errors: kNotFound, kInvalid.
Result<StoredImage> ImportImageFrom(const ImageStore& store, const ImageReference* name,
                                    const std::string& path);

}  // namespace wherry::nodeagent::images
