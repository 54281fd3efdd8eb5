#include "nodeagent/volumes/subpath.h"

#include "lib/linux/fd.h"
#include "lib/linux/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <filesystem>

namespace wherry::nodeagent::volumes {

namespace {

Result<std::string> PathOf(int fd) {
  std::array<char, PATH_MAX> buffer{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(link.c_str(), buffer.data(), buffer.size());
  if (length < 0) return ErrnoError(errno, "readlink '" + link + "'");
  return std::string(buffer.data(), static_cast<size_t>(length));
}

}  // namespace

Result<std::string> ResolveSubPath(const std::string& volume, const std::string& sub_path) {
  if (sub_path.empty()) return volume;
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
  return PathOf(opened->get());
}

}  // namespace wherry::nodeagent::volumes
