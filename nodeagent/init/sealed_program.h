#pragma once

#include "lib/base/result.h"

namespace wherry::nodeagent::init {

// Executes this program again from a copy in memory that nobody can write, root included, and
// returns when it is that copy which runs. A container that gets hold of /proc/<pid>/exe of a
// process on its way into it must not be able to overwrite the node's file (CVE-2019-5736).
Status RunFromSealedCopy(char** argv);

}  // namespace wherry::nodeagent::init
