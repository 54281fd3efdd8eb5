#pragma once

#include "lib/api/field_error.h"

#include <span>
#include <string>

namespace google::protobuf {
template <typename Key, typename Value>
class Map;
template <typename T>
class RepeatedPtrField;
}  // namespace google::protobuf
namespace wherry::api::meta::v1 {
class IntOrString;
class LabelSelector;
}  // namespace wherry::api::meta::v1

// Values that are no scalars, as upstream's errors show them: in Go's %#v. Clients have come to
// print and to match these texts.
namespace wherry::apiserver::registry {

// map[string]string{"app":"web"}
api::field::BadValue GoMap(const google::protobuf::Map<std::string, std::string>& map);
// []string{"10.96.0.10"}
api::field::BadValue GoList(const google::protobuf::RepeatedPtrField<std::string>& list);
// v1.LabelSelector{MatchLabels:map[string]string{...}, MatchExpressions:[]...(nil)}
api::field::BadValue GoSelector(const api::meta::v1::LabelSelector& selector);
// intstr.IntOrString{Type:1, IntVal:0, StrVal:"25%"}
api::field::BadValue GoIntOrString(const api::meta::v1::IntOrString& value);

}  // namespace wherry::apiserver::registry
