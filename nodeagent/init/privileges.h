#pragma once

#include "lib/base/result.h"
#include "lib/linux/seccomp.h"
#include "nodeagent/init/protocol.h"
#include "nodeagent/init/users.h"

namespace wherry::nodeagent::init {

// Who the process will be, by the container's own /etc/passwd and /etc/group. Must already be true:
// "/" is the container's root.
Result<Identity> LookUpIdentity(const Privileges& privileges);

// Gives up everything the process must not keep: capabilities, uid 0 if so, system calls. Nothing
// privileged can be done afterwards. `program` is the filter, or null.
Status DropPrivileges(const Privileges& privileges, const Identity& identity,
                      const linux::SeccompProgram* program);

}  // namespace wherry::nodeagent::init
