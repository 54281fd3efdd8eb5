#pragma once

#include "lib/base/result.h"

#include <compare>
#include <string>
#include <string_view>

namespace wherry::api {

struct GroupVersion {
  std::string group;  // "" is the core group
  std::string version;

  // "v1" or "apps/v1", as in an object's apiVersion.
  std::string String() const;
  // Errors: kBadRequest with more than one '/'.
  static Result<GroupVersion> Parse(std::string_view api_version);
  auto operator<=>(const GroupVersion&) const = default;
};

struct GroupVersionKind {
  std::string group;
  std::string version;
  std::string kind;

  std::string ApiVersion() const { return GroupVersion{group, version}.String(); }
  auto operator<=>(const GroupVersionKind&) const = default;
};

struct GroupVersionResource {
  std::string group;
  std::string version;
  std::string resource;

  auto operator<=>(const GroupVersionResource&) const = default;
};

}  // namespace wherry::api
