#pragma once

#include "apiserver/endpoints/endpoint.h"

#include <span>
#include <string_view>

namespace wherry::apiserver::endpoints {

// A resource that is asked and not stored: POST answers, nothing else is served.
struct ReviewResource {
  std::string_view group;
  std::string_view version;
  std::string_view plural;
  std::string_view kind;
  bool namespaced;
  Reply (*verb)(Environment&, ApiRequest&);
};

// tokenreviews, selfsubjectreviews; subjectaccessreviews, localsubjectaccessreviews,
// selfsubjectaccessreviews, selfsubjectrulesreviews.
// Source: pkg/registry/authentication/tokenreview, pkg/registry/authorization.
std::span<const ReviewResource> ReviewResources();

}  // namespace wherry::apiserver::endpoints
