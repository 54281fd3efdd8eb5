#include "nodeagent/init/privileges.h"

#include "lib/linux/capabilities.h"
#include "lib/linux/file.h"

#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

namespace wherry::nodeagent::init {
namespace {

constexpr size_t kUserFileBytesMax = 4 << 20;

// The text of a file of the image, "" when there is none. Links may lead anywhere in the image but
// not, by way of /proc, out of it.
Result<std::string> ReadFromImage(const std::string& path) {
  TRY(linux::Fd root, linux::OpenDirectory(AT_FDCWD, "/"));
  auto file = linux::OpenInRoot(root.get(), path, O_RDONLY | O_NONBLOCK);
  if (!file.ok()) return std::string();
  return linux::ReadAll(file->get(), kUserFileBytesMax);
}

Status InstallFilter(const linux::SeccompProgram* program) {
  return program == nullptr ? Ok() : linux::InstallSeccomp(*program);
}

}  // namespace

Result<Identity> LookUpIdentity(const Privileges& privileges) {
  TRY(std::string passwd, ReadFromImage("/etc/passwd"));
  TRY(std::string group, ReadFromImage("/etc/group"));
  IdentityRequest request{.uid = privileges.uid,
                          .gid = privileges.gid,
                          .user = privileges.user,
                          .supplemental_groups = privileges.supplemental_groups};
  TRY(Identity identity, ResolveIdentity(request, passwd, group));
  if (privileges.run_as_non_root && identity.uid == 0) {
    return MakeError(Reason::kInvalid, "container has runAsNonRoot and image will run as root");
  }
  return identity;
}

Status DropPrivileges(const Privileges& privileges, const Identity& identity,
                      const linux::SeccompProgram* program) {
  // Without no_new_privs a filter needs CAP_SYS_ADMIN, so it goes first; every call below is one
  // that the default profile allows.
  if (!privileges.no_new_privs) TRY_STATUS(InstallFilter(program));
  TRY_STATUS(linux::LimitBoundingSet(privileges.capabilities));

  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return ErrnoError(errno, "keep capabilities");
  if (::setgroups(identity.groups.size(), identity.groups.data()) != 0) {
    return ErrnoError(errno, "set supplementary groups");
  }
  if (::setresgid(identity.gid, identity.gid, identity.gid) != 0) {
    return ErrnoError(errno, "become group " + std::to_string(identity.gid));
  }
  if (::setresuid(identity.uid, identity.uid, identity.uid) != 0) {
    return ErrnoError(errno, "become user " + std::to_string(identity.uid));
  }
  // execve(2) empties the sets of a process that is not root; root gets the bounding set.
  TRY_STATUS(linux::SetCapabilities(privileges.capabilities, privileges.capabilities, 0));

  if (privileges.no_new_privs) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return ErrnoError(errno, "no_new_privs");
    TRY_STATUS(InstallFilter(program));
  }
  return Ok();
}

}  // namespace wherry::nodeagent::init
