#include "apiserver/endpoints/patch_body.h"

#include "apiserver/request/status.h"
#include "lib/api/strategic_merge.h"
#include "lib/json/patch.h"

#include <nlohmann/json.hpp>

namespace wherry::apiserver::endpoints {

PatchBody::PatchBody(Type type, json::Value patch, std::vector<json::DuplicateKey> duplicates)
    : type_(type),
      duplicates_(std::move(duplicates)),
      patch_(std::make_shared<const json::Value>(std::move(patch))) {}

Result<PatchBody> PatchBody::Parse(const ApiRequest& request) {
  std::string media_type = BareMediaType(request.http.headers.Get("Content-Type"));
  Type type = Type::kJson;
  if (media_type == "application/merge-patch+json") {
    type = Type::kMerge;
  } else if (media_type == "application/strategic-merge-patch+json") {
    type = Type::kStrategicMerge;
  } else if (media_type == "application/apply-patch+yaml") {
    return MakeError(Reason::kUnsupportedMediaType,
                     "server-side apply is not supported by this server: use client-side apply "
                     "(application/strategic-merge-patch+json)");
  } else if (media_type != "application/json-patch+json") {
    return MakeError(Reason::kUnsupportedMediaType,
                     "the body of the request was in an unknown format - accepted media types "
                     "include: application/json-patch+json, application/merge-patch+json, "
                     "application/strategic-merge-patch+json");
  }
  std::vector<json::DuplicateKey> duplicates;
  auto parsed = json::Parse(request.http.body, {}, &duplicates);
  if (!parsed.ok()) {
    if (parsed.error().reason == Reason::kRequestEntityTooLarge) return std::move(parsed).error();
    return BadRequestError("error decoding patch: " + parsed.error().message);
  }
  bool fits = type == Type::kJson ? parsed->is_array() : parsed->is_object();
  if (!fits) {
    return BadRequestError(type == Type::kJson
                               ? "error decoding patch: a JSON patch must be an array"
                               : "error decoding patch: the patch must be an object");
  }
  return PatchBody(type, std::move(parsed).value(), std::move(duplicates));
}

Result<json::Value> PatchBody::Apply(json::Value document, const api::Schema& schema) const {
  switch (type_) {
    case Type::kJson:
      return json::ApplyJsonPatch(std::move(document), *patch_);
    case Type::kMerge:
      json::ApplyMergePatch(document, *patch_);
      return document;
    case Type::kStrategicMerge:
      return api::StrategicMergePatch(std::move(document), *patch_, schema);
  }
  return document;
}

}  // namespace wherry::apiserver::endpoints
