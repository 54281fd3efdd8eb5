#pragma once

#include "lib/base/result.h"

#include <string>

namespace wherry::nodeagent::volumes {

// The real path of `sub_path` inside `volume` (a directory, or a file when sub_path is empty),
// made as a directory where it is missing. Links inside the volume are followed as long as they
// stay in it. Blocking. Errors: kInvalid when it is absolute, contains ".." or leads outside.
Result<std::string> ResolveSubPath(const std::string& volume, const std::string& sub_path);

}  // namespace wherry::nodeagent::volumes
