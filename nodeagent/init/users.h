#pragma once

#include "lib/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Who a container's process is, from the image's /etc/passwd and /etc/group. Source: passwd(5),
// group(5), OCI image-spec config.md "User".
namespace wherry::nodeagent::init {

struct Identity {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> groups;  // supplementary
  std::string home;              // "" when the user is not in passwd
};

struct IdentityRequest {
  int64_t uid = -1;  // -1: as `user` says
  int64_t gid = -1;
  std::string user;  // "uid", "uid:gid", "name", "name:group" or ""
  std::vector<int64_t> supplemental_groups;
};

// `passwd` and `group` are the files' texts. Errors: kInvalid for a name that is not there.
Result<Identity> ResolveIdentity(const IdentityRequest& request, std::string_view passwd,
                                 std::string_view group);

}  // namespace wherry::nodeagent::init
