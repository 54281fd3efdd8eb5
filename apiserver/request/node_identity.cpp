#include "apiserver/request/node_identity.h"

#include <algorithm>

namespace wherry::apiserver {

std::optional<std::string> NodeOf(const http::UserInfo& user) {
  constexpr std::string_view kUserPrefix = "system:node:";
  if (!user.name.starts_with(kUserPrefix)) return std::nullopt;
  const auto& groups = user.groups;
  if (std::find(groups.begin(), groups.end(), kNodesGroup) == groups.end()) return std::nullopt;
  return user.name.substr(kUserPrefix.size());
}

}  // namespace wherry::apiserver
