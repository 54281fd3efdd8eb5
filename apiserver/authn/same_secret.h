#pragma once

#include <string_view>

namespace wherry::apiserver::authn {

// Whether two secrets are equal, in a time that does not depend on where they differ.
bool SameSecret(std::string_view a, std::string_view b);

}  // namespace wherry::apiserver::authn
