#include "lib/linux/temp_dir.h"

#include "lib/linux/file.h"

#include <cerrno>
#include <cstdlib>
#include <utility>

namespace wherry::linux {

Result<TempDir> TempDir::Make(const std::string& parent, const std::string& prefix) {
  std::string path = parent + "/" + prefix + "XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return ErrnoError(errno, "make directory '" + path + "'");
  return TempDir(std::move(path));
}

TempDir::TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}

TempDir& TempDir::operator=(TempDir&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TempDir::~TempDir() {
  if (!path_.empty()) Ignore(RemoveTree(AT_FDCWD, path_), "best effort; the name is ours alone");
}

std::string TempDir::Release() { return std::exchange(path_, {}); }

}  // namespace wherry::linux
