#pragma once

#include "lib/base/result.h"

#include <string>

namespace wherry::nodeagent::volumes {

// Makes `sub_path` inside the directory `volume` where it is missing, as a directory. Links inside
// the volume are followed as long as they stay in it. A container may change the volume at any
// time: whoever mounts the path looks it up once more, from the volume. Blocking. Errors: kInvalid
// when it is absolute, contains ".." or leads outside.
Status PrepareSubPath(const std::string& volume, const std::string& sub_path);

}  // namespace wherry::nodeagent::volumes
