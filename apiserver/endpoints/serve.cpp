#include "apiserver/endpoints/endpoint.h"
#include "apiserver/endpoints/review.h"
#include "apiserver/endpoints/subresource.h"
#include "apiserver/request/status.h"
#include "lib/api/kind_registry.h"
#include "lib/api/validation.h"

#include <algorithm>

namespace wherry::apiserver::endpoints {

namespace {

using Verb = Reply (*)(Environment&, const Resource&, ApiRequest&);

bool IsCore(const Resource& resource, std::string_view plural) {
  return resource.kind->group_version.group.empty() && resource.kind->plural == plural;
}

// Subresources that take another kind, or none.
Verb SpecialVerb(const Resource& resource, std::string_view subresource, std::string_view verb) {
  if (subresource == "scale" && resource.strategy->Scale()) {
    return verb == "get" || verb == "update" || verb == "patch" ? Scale : nullptr;
  }
  if (subresource == "token" && IsCore(resource, "serviceaccounts")) {
    return verb == "create" ? Token : nullptr;
  }
  if (subresource == "proxy" &&
      (IsCore(resource, "pods") || IsCore(resource, "services") || IsCore(resource, "nodes"))) {
    return verb == "watch" ? nullptr : Proxy;
  }
  if (!IsCore(resource, "pods")) return nullptr;
  if (subresource == "eviction" && verb == "create") return Eviction;
  if (verb == "get" || verb == "create") {
    if (subresource == "exec") return Exec;
    if (subresource == "attach") return Attach;
    if (subresource == "portforward") return PortForward;
  }
  if (subresource == "binding" && verb == "create") return Binding;
  if (subresource == "log" && verb == "get") return Log;
  return nullptr;
}

Verb ObjectVerb(std::string_view verb, bool named) {
  if (verb == "watch") return Watch;  // of one object by its name too: /watch/.../pods/web
  if (named) {
    if (verb == "get") return Get;
    if (verb == "update") return Update;
    if (verb == "patch") return Patch;
    if (verb == "delete") return Delete;
    return nullptr;
  }
  if (verb == "list") return List;
  if (verb == "create") return Create;
  if (verb == "deletecollection") return DeleteCollection;
  return nullptr;
}

// A subresource of the same kind, read and written in place.
Verb PartVerb(const Resource& resource, std::string_view subresource, std::string_view verb) {
  if (StrategyOf(resource, subresource) == nullptr) return nullptr;
  if (verb == "get") return Get;
  if (verb == "update") return Update;
  if (verb == "patch") return Patch;
  return nullptr;
}

http::Response NoSuchPage() { return TextResponse(404, "404 page not found\n"); }

const ReviewResource* FindReview(std::string_view group, std::string_view version,
                                 std::string_view resource) {
  for (const ReviewResource& review : ReviewResources()) {
    if (review.plural == resource && review.group == group && review.version == version) {
      return &review;
    }
  }
  return nullptr;
}

// What is asked of all objects together is asked in a namespace, except for reading.
bool MayCollection(const Resource& resource, const RequestInfo& info) {
  bool everywhere = resource.kind->namespaced && info.ns.empty();
  if (info.verb == "create") return !everywhere;
  if (info.verb != "deletecollection") return true;
  return !everywhere && resource.strategy->AllowDeleteCollection();
}

// What would be no segment of a key. Source: NamespaceKeyFunc in
// pkg/registry/generic/registry/store.go; a namespace in a path is not looked at there.
Status CheckSegments(const RequestInfo& info) {
  auto check = [](std::string_view what, const std::string& name) -> Status {
    std::vector<std::string> reasons = api::IsValidPathSegmentName(name);
    if (reasons.empty()) return Ok();
    std::string text;
    for (const std::string& reason : reasons) text += (text.empty() ? "" : ";") + reason;
    return BadRequestError(std::string(what) + " parameter invalid: \"" + name + "\": " + text);
  };
  TRY_STATUS(check("Namespace", info.ns));
  if (info.named) TRY_STATUS(check("Name", info.name));
  return Ok();
}

struct Found {
  const Resource* resource = nullptr;
  Verb verb = nullptr;
  bool exists = false;  // the path is served, perhaps with other verbs
};

Found FindVerb(Environment& environment, const RequestInfo& info) {
  const registry::Resources& resources = environment.store.resources();
  Found found;
  if (info.group.empty() && info.resource == "bindings" && !info.named) {
    if (info.ns.empty()) return found;
    found.resource = resources.Find("", "v1", "pods");
    found.exists = true;
    if (info.verb == "create") found.verb = Binding;
    return found;
  }
  found.resource = resources.Find(info.group, info.version, info.resource);
  if (found.resource == nullptr) return found;
  const Resource& resource = *found.resource;
  bool needs_namespace = resource.kind->namespaced && info.named;
  bool scope_fits = resource.kind->namespaced ? !needs_namespace || !info.ns.empty()
                                              : info.ns.empty() || info.resource == "namespaces";
  if (!scope_fits || (!info.rest.empty() && info.subresource != "proxy")) return found;
  if (info.subresource.empty()) {
    found.exists = true;
    if (MayCollection(resource, info)) found.verb = ObjectVerb(info.verb, info.named);
    return found;
  }
  found.exists = !SubresourceVerbs(resource, info.subresource).empty();
  found.verb = SpecialVerb(resource, info.subresource, info.verb);
  if (found.verb == nullptr) found.verb = PartVerb(resource, info.subresource, info.verb);
  return found;
}

}  // namespace

const registry::UpdateStrategy* StrategyOf(const Resource& resource, std::string_view subresource) {
  if (subresource.empty()) return resource.strategy;
  if (subresource == "status") return resource.strategy->StatusStrategy();
  return resource.strategy->SubresourceStrategy(subresource);
}

bool IsServed(const registry::Resources& resources, const RequestInfo& info) {
  const Resource* resource = resources.Find(info.group, info.version, info.resource);
  if (resource != nullptr) {
    return info.subresource.empty() || !SubresourceVerbs(*resource, info.subresource).empty();
  }
  if (!info.subresource.empty()) return false;
  return FindReview(info.group, info.version, info.resource) != nullptr ||
         (info.group.empty() && info.version == "v1" && info.resource == "bindings");
}

std::vector<std::string_view> SubresourceVerbs(const Resource& resource,
                                               std::string_view subresource) {
  std::vector<std::string_view> verbs;
  for (std::string_view verb : {"create", "delete", "get", "patch", "update"}) {
    if (SpecialVerb(resource, subresource, verb) != nullptr ||
        PartVerb(resource, subresource, verb) != nullptr) {
      verbs.push_back(verb);
    }
  }
  return verbs;
}

std::vector<std::string> Subresources(const Resource& resource) {
  std::vector<std::string> names;
  for (std::string_view special : {"attach", "binding", "eviction", "exec", "log", "portforward",
                                   "proxy", "scale", "status", "token"}) {
    if (!SubresourceVerbs(resource, special).empty()) names.emplace_back(special);
  }
  for (std::string_view own : resource.strategy->SubresourceNames()) names.emplace_back(own);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Task<http::Response> Serve(Environment& environment, ApiRequest& request) {
  const RequestInfo& info = request.info;
  const ReviewResource* review = FindReview(info.group, info.version, info.resource);
  if (review != nullptr && !info.named && review->namespaced == !info.ns.empty()) {
    if (request.info.verb != "create") {
      co_return ErrorResponse(MethodNotAllowedError(), request.accepted);
    }
    auto reviewing = review->verb(environment, request);
    auto reviewed = co_await std::move(reviewing);
    if (!reviewed.ok()) co_return ErrorResponse(reviewed.error(), request.accepted);
    co_return std::move(reviewed).value();
  }
  Found found = FindVerb(environment, request.info);
  if (!found.exists) co_return NoSuchPage();
  if (found.verb == nullptr) co_return ErrorResponse(MethodNotAllowedError(), request.accepted);
  auto segments = CheckSegments(info);
  if (!segments.ok()) co_return ErrorResponse(segments.error(), request.accepted);
  if (!found.resource->kind->namespaced) request.info.ns.clear();
  auto answering = found.verb(environment, *found.resource, request);
  auto reply = co_await std::move(answering);
  if (!reply.ok()) co_return ErrorResponse(reply.error(), request.accepted);
  co_return std::move(reply).value();
}

}  // namespace wherry::apiserver::endpoints
