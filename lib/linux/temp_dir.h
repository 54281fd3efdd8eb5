#pragma once

#include "lib/base/result.h"

#include <string>

namespace wherry::linux {

// A new directory with a random name that is removed, with all it holds, by the destructor.
class TempDir {
 public:
  // Below `parent`, which exists; the name starts with `prefix`.
  static Result<TempDir> Make(const std::string& parent, const std::string& prefix);

  TempDir(TempDir&& other) noexcept;
  TempDir& operator=(TempDir&& other) noexcept;
  ~TempDir();
  const std::string& path() const { return path_; }
  // The directory stays.
  std::string Release();

 private:
  explicit TempDir(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace wherry::linux
