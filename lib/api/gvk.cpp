#include "lib/api/gvk.h"

namespace wherry::api {

std::string GroupVersion::String() const { return group.empty() ? version : group + "/" + version; }

Result<GroupVersion> GroupVersion::Parse(std::string_view api_version) {
  const size_t slash = api_version.find('/');
  if (slash == std::string_view::npos) return GroupVersion{"", std::string(api_version)};
  if (api_version.find('/', slash + 1) != std::string_view::npos) {
    return MakeError(Reason::kBadRequest,
                     "unexpected GroupVersion string: " + std::string(api_version));
  }
  return GroupVersion{std::string(api_version.substr(0, slash)),
                      std::string(api_version.substr(slash + 1))};
}

}  // namespace wherry::api
