#pragma once

#include "nodeagent/images/image_service.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::nodeagent::lifecycle {

// The credentials for `image` in the documents of imagePullSecrets: ".dockerconfigjson" (with
// "auths") and ".dockercfg" (without). The longest matching registry path wins; a host may contain
// "*" per label. Documents that do not parse are passed over. Source: pkg/credentialprovider.
std::optional<images::RegistryAuth> FindRegistryAuth(const std::vector<std::string>& documents,
                                                     const images::ImageReference& image);

}  // namespace wherry::nodeagent::lifecycle
