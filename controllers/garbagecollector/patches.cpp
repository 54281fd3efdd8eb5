#include "controllers/garbagecollector/patches.h"

#include "lib/json/json.h"
#include "proto/api/meta/v1.pb.h"

#include <nlohmann/json.hpp>

namespace wherry::controllers::garbagecollector {

std::string DropOwnersPatch(std::string_view object_uid, const std::vector<std::string>& owners) {
  json::Value references = json::Value::array();
  for (const auto& uid : owners) references.push_back({{"$patch", "delete"}, {"uid", uid}});
  json::Value patch;
  patch["metadata"]["ownerReferences"] = std::move(references);
  patch["metadata"]["uid"] = object_uid;
  return json::Dump(patch);
}

std::string UnblockPatch(const metav1::ObjectMeta& object) {
  json::Value references = json::Value::array();
  for (const auto& reference : object.ownerreferences()) {
    json::Value entry = {{"apiVersion", reference.apiversion()},
                         {"kind", reference.kind()},
                         {"name", reference.name()},
                         {"uid", reference.uid()},
                         {"blockOwnerDeletion", false}};
    if (reference.has_controller()) entry["controller"] = reference.controller();
    references.push_back(std::move(entry));
  }
  json::Value patch;
  patch["metadata"]["ownerReferences"] = std::move(references);
  patch["metadata"]["resourceVersion"] = object.resourceversion();
  return json::Dump(patch);
}

std::string RemoveFinalizerPatch(const metav1::ObjectMeta& object, std::string_view finalizer) {
  json::Value finalizers = json::Value::array();
  for (const auto& each : object.finalizers()) {
    if (each != finalizer) finalizers.push_back(each);
  }
  json::Value patch;
  patch["metadata"]["finalizers"] = std::move(finalizers);
  patch["metadata"]["resourceVersion"] = object.resourceversion();
  return json::Dump(patch);
}

}  // namespace wherry::controllers::garbagecollector
