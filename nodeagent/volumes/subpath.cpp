#include "nodeagent/volumes/subpath.h"

#include "lib/linux/fd.h"
#include "lib/linux/file.h"

#include <fcntl.h>

#include <cerrno>
#include <filesystem>

namespace wherry::nodeagent::volumes {

Status PrepareSubPath(const std::string& volume, const std::string& sub_path) {
  const std::filesystem::path parsed(sub_path);
  bool bad = parsed.is_absolute();
  for (const auto& part : parsed) bad = bad || part == "..";
  if (bad) return MakeError(Reason::kInvalid, "invalid subPath '" + sub_path + "'");

  TRY(linux::Fd root, linux::OpenAt(AT_FDCWD, volume, O_PATH | O_DIRECTORY));
  auto opened = linux::OpenBeneath(root.get(), sub_path, O_PATH);
  if (!opened.ok() && opened.error().reason == Reason::kNotFound) {
    TRY(linux::Fd made, linux::MakeDirsInRoot(root.get(), sub_path, 0755));
    // Seen from below again: a link that leads outside is refused, not followed.
    opened = linux::OpenBeneath(root.get(), sub_path, O_PATH);
  }
  if (!opened.ok()) {
    if (opened.error().os_errno == EXDEV)
      return MakeError(Reason::kInvalid, "subPath '" + sub_path + "' leads outside of its volume");
    return std::move(opened).error();
  }
  return Ok();
}

}  // namespace wherry::nodeagent::volumes
