#pragma once

#include "lib/base/result.h"

#include <cstdint>
#include <string>

namespace wherry::nodeagent::images {

struct UnpackLimits {
  int64_t bytes_max = int64_t{64} << 30;  // of file content
  int64_t entries_max = 4'000'000;
};

struct UnpackResult {
  std::string diff_id;  // digest of the uncompressed tar
  int64_t bytes = 0;
  int64_t skipped = 0;  // device nodes and sockets, which are not made
};

enum class UnpackAs {
  kLayer,  // whiteouts become overlayfs's own form
  kFiles,  // an archive of an image: names are only names
};

// Unpacks a tar, plain or compressed with anything libarchive knows, into the directory `root`,
// which is empty. Blocking.
//
// Nothing outside `root` is written, whatever the archive says: parents are resolved with
// openat2(RESOLVE_IN_ROOT), names are used by descriptor, device nodes are left out, and only
// extended attributes that mean nothing to overlayfs are set. Errors: kInvalid for an archive that
// breaks the rules, kRequestEntityTooLarge above the limits. `root` is then half filled.
// Sources: tar(5), OCI image-spec layer.md, Documentation/filesystems/overlayfs.rst.
Result<UnpackResult> UnpackTar(int archive, int root, UnpackAs as, const UnpackLimits& limits);

// Writes the directory `root` as a tar to `out`, entries in order of name. Blocking.
Status PackTar(int root, int out);

// The names of the archive's entries at its top ("manifest.json", "bin"). Reads all of it.
struct TarTop {
  bool has_docker_manifest = false;
  bool has_oci_layout = false;
};
Result<TarTop> LookAtTar(int archive);

}  // namespace wherry::nodeagent::images
