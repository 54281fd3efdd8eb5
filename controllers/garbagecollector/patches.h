#pragma once

#include "controllers/objects/types.h"

#include <string>
#include <string_view>
#include <vector>

// Patch bodies of the garbage collector. Each carries the uid (strategic) or resourceVersion
// (merge) of what it was made for, so that it cannot hit another object or overwrite a change.
namespace wherry::controllers::garbagecollector {

// Strategic: removes the references to `owners`.
std::string DropOwnersPatch(std::string_view object_uid, const std::vector<std::string>& owners);
// Merge: every reference with blockOwnerDeletion false.
std::string UnblockPatch(const metav1::ObjectMeta& object);
// Merge: without that finalizer.
std::string RemoveFinalizerPatch(const metav1::ObjectMeta& object, std::string_view finalizer);

}  // namespace wherry::controllers::garbagecollector
