#pragma once

#include "apiserver/registry/strategy.h"

#include <map>
#include <string>
#include <string_view>

namespace wherry {
class Random;
}
namespace wherry::api::meta::v1 {
class ObjectMeta;
}

// What the server does to metadata of every kind.
// Source: apimachinery pkg/api/validation/objectmeta.go; k8s.io/apiserver pkg/registry/rest.
namespace wherry::apiserver::registry {

// On creation: a fresh uid and creationTimestamp, deletion marks and server-owned members cleared.
void FillObjectMetaSystemFields(api::meta::v1::ObjectMeta& metadata, WallTime now, Random& random);
// "web-" becomes "web-x7k2p"; long bases are cut so that the result is a label.
std::string GenerateName(std::string_view base, Random& random);

api::field::ErrorList ValidateObjectMeta(const api::meta::v1::ObjectMeta& metadata,
                                         const Strategy& strategy);
// Labels, annotations, owner references, and what may not change.
api::field::ErrorList ValidateObjectMetaUpdate(const api::meta::v1::ObjectMeta& metadata,
                                               const api::meta::v1::ObjectMeta& old);

// Labels and annotations of anything that has them (pod templates too).
void ValidateLabels(const std::map<std::string, std::string>& labels, const api::field::Path& path,
                    api::field::ErrorList& errors);
void ValidateAnnotations(const std::map<std::string, std::string>& annotations,
                         const api::field::Path& path, api::field::ErrorList& errors);

}  // namespace wherry::apiserver::registry
