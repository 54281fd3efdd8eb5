#pragma once

#include "lib/base/result.h"

#include <string>
#include <string_view>

// Small files below the data directory. Blocking; used at start only.
namespace wherry::cli {

// Errors: kNotFound, kInternalError with errno.
Result<std::string> ReadFile(const std::string& path);
// Replaces the file in one step (temporary file, fsync, rename) with mode 0600.
Status WriteFile(const std::string& path, std::string_view contents);
// Creates the directory and its parents; the last one with mode 0700.
Status MakePrivateDirectory(const std::string& path);
bool FileExists(const std::string& path);

}  // namespace wherry::cli
