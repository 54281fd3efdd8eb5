#include "apiserver/registry/volumes/volume_checks.h"

#include "lib/api/quantity.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <array>
#include <utility>

namespace wherry::apiserver::registry::volumes {

namespace {

constexpr std::string_view kModes[] = {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce",
                                       "ReadWriteOncePod"};
constexpr std::string_view kOnePod = "ReadWriteOncePod";

// In the order in which they are printed.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kShort = {
    {{"ReadWriteOnce", "RWO"},
     {"ReadOnlyMany", "ROX"},
     {"ReadWriteMany", "RWX"},
     {kOnePod, "RWOP"}}};

}  // namespace

void CheckAccessModes(ErrorList& errors, const FieldPath& path, const AccessModes& modes,
                      std::string_view missing) {
  if (modes.empty()) errors.Required(path, missing);
  bool one_pod = false;
  bool others = false;
  for (const std::string& mode : modes) {
    CheckOneOf(errors, path, mode, kModes);
    one_pod = one_pod || mode == kOnePod;
    others = others || (mode != kOnePod &&
                        std::find(std::begin(kModes), std::end(kModes), mode) != std::end(kModes));
  }
  if (one_pod && others) {
    errors.Forbidden(path, "may not use ReadWriteOncePod with other access modes");
  }
}

void CheckPositive(ErrorList& errors, const FieldPath& path, const api::meta::v1::Quantity& value) {
  api::Quantity quantity = api::Quantity::From(value);
  if (quantity.Sign() <= 0) {
    errors.Invalid(path, quantity.String(), "must be greater than zero");
  }
}

void CheckClassName(ErrorList& errors, const FieldPath& path, std::string_view name) {
  if (!name.empty()) AddReasons(errors, path, name, api::NameIsDNSSubdomain(name, false));
}

std::string AccessModesText(const AccessModes& modes) {
  std::string text;
  for (const auto& [mode, shortened] : kShort) {
    if (std::find(modes.begin(), modes.end(), mode) == modes.end()) continue;
    if (!text.empty()) text += ',';
    text += shortened;
  }
  return text;
}

}  // namespace wherry::apiserver::registry::volumes
