#include "apiserver/discovery/documents.h"

#include "apiserver/endpoints/endpoint.h"
#include "apiserver/endpoints/review.h"
#include "lib/api/kind_registry.h"
#include "proto/api/apidiscovery/v2beta1.pb.h"
#include "proto/api/meta/v1.pb.h"

#include <algorithm>

namespace wherry::apiserver::discovery {

using api::meta::v1::APIResource;
using registry::Resource;

namespace {

std::vector<std::string> VerbsOf(const Resource& resource) {
  std::vector<std::string> verbs = {"create", "delete"};
  if (resource.strategy->AllowDeleteCollection()) verbs.emplace_back("deletecollection");
  for (const char* verb : {"get", "list", "patch", "update", "watch"}) verbs.emplace_back(verb);
  return verbs;
}

// The kind that a subresource takes and gives.
struct PartKind {
  std::string group;
  std::string version;
  std::string kind;
};

PartKind KindOfPart(const Resource& resource, std::string_view part) {
  if (part == "scale") return {"autoscaling", "v1", "Scale"};
  if (part == "binding") return {"", "v1", "Binding"};
  if (part == "exec") return {"", "v1", "PodExecOptions"};
  if (part == "attach") return {"", "v1", "PodAttachOptions"};
  if (part == "portforward") return {"", "v1", "PodPortForwardOptions"};
  if (part == "proxy") return {"", "v1", resource.kind->kind + "ProxyOptions"};
  if (part == "eviction") return {"policy", "v1", "Eviction"};
  if (part == "token") return {"authentication.k8s.io", "v1", "TokenRequest"};
  const auto& gv = resource.kind->group_version;
  return {gv.group, gv.version, resource.kind->kind};
}

bool InGroup(const Resource& resource, std::string_view group) {
  return resource.kind->group_version.group == group;
}

// Group versions that have resources, in the order of preference.
std::vector<api::GroupVersion> ServedVersions(const registry::Resources& resources) {
  std::vector<api::GroupVersion> served;
  for (const auto& gv : api::AllGroupVersions()) {
    bool any = std::any_of(resources.all().begin(), resources.all().end(),
                           [&](const auto& one) { return one->kind->group_version == gv; });
    for (const endpoints::ReviewResource& review : endpoints::ReviewResources()) {
      any = any || (review.group == gv.group && review.version == gv.version);
    }
    if (any) served.push_back(gv);
  }
  return served;
}

std::vector<const Resource*> ResourcesOf(const registry::Resources& resources,
                                         std::string_view group, std::string_view version) {
  std::vector<const Resource*> found;
  for (const auto& one : resources.all()) {
    if (InGroup(*one, group) && one->kind->group_version.version == version) {
      found.push_back(one.get());
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Resource* a, const Resource* b) { return a->kind->plural < b->kind->plural; });
  return found;
}

void AddPart(const Resource& resource, const std::string& part,
             api::meta::v1::APIResourceList& list) {
  APIResource* entry = list.add_resources();
  entry->set_name(resource.kind->plural + "/" + part);
  entry->set_singularname("");
  entry->set_namespaced(resource.kind->namespaced);
  PartKind kind = KindOfPart(resource, part);
  // Named only where they are not those of the list.
  if (kind.group != resource.kind->group_version.group) {
    entry->set_group(kind.group);
    entry->set_version(kind.version);
  }
  entry->set_kind(kind.kind);
  for (std::string_view verb : endpoints::SubresourceVerbs(resource, part)) {
    entry->mutable_verbs()->add_items(std::string(verb));
  }
}

void AddResource(const Resource& resource, api::meta::v1::APIResourceList& list) {
  const api::KindInfo& kind = *resource.kind;
  APIResource* entry = list.add_resources();
  entry->set_name(kind.plural);
  entry->set_singularname(kind.singular);
  entry->set_namespaced(kind.namespaced);
  entry->set_kind(kind.kind);
  for (const std::string& verb : VerbsOf(resource)) entry->mutable_verbs()->add_items(verb);
  for (const std::string& name : kind.short_names) entry->add_shortnames(name);
  for (const std::string& category : kind.categories) entry->add_categories(category);
  for (const std::string& part : endpoints::Subresources(resource)) {
    AddPart(resource, part, list);
  }
}

void SetKind(const PartKind& kind, api::meta::v1::GroupVersionKind* target) {
  target->set_group(kind.group);
  target->set_version(kind.version);
  target->set_kind(kind.kind);
}

void AddDiscovered(const Resource& resource,
                   api::apidiscovery::v2beta1::APIVersionDiscovery& version) {
  const api::KindInfo& kind = *resource.kind;
  auto* entry = version.add_resources();
  entry->set_resource(kind.plural);
  SetKind({kind.group_version.group, kind.group_version.version, kind.kind},
          entry->mutable_responsekind());
  entry->set_scope(kind.namespaced ? "Namespaced" : "Cluster");
  entry->set_singularresource(kind.singular);
  for (const std::string& verb : VerbsOf(resource)) entry->add_verbs(verb);
  for (const std::string& name : kind.short_names) entry->add_shortnames(name);
  for (const std::string& category : kind.categories) entry->add_categories(category);
  for (const std::string& part : endpoints::Subresources(resource)) {
    auto* sub = entry->add_subresources();
    sub->set_subresource(part);
    SetKind(KindOfPart(resource, part), sub->mutable_responsekind());
    for (std::string_view verb : endpoints::SubresourceVerbs(resource, part)) {
      sub->add_verbs(std::string(verb));
    }
  }
}

// POST only, in a namespace; stored nowhere.
void AddDiscoveredBindings(api::apidiscovery::v2beta1::APIVersionDiscovery& version) {
  auto* entry = version.add_resources();
  entry->set_resource("bindings");
  SetKind({"", "v1", "Binding"}, entry->mutable_responsekind());
  entry->set_scope("Namespaced");
  entry->set_singularresource("binding");
  entry->add_verbs("create");
}

std::string SingularOf(const endpoints::ReviewResource& review) {
  return std::string(review.plural.substr(0, review.plural.size() - 1));
}

void AddDiscoveredReviews(const api::GroupVersion& gv,
                          api::apidiscovery::v2beta1::APIVersionDiscovery& version) {
  for (const endpoints::ReviewResource& review : endpoints::ReviewResources()) {
    if (review.group != gv.group || review.version != gv.version) continue;
    auto* entry = version.add_resources();
    entry->set_resource(std::string(review.plural));
    SetKind({gv.group, gv.version, std::string(review.kind)}, entry->mutable_responsekind());
    entry->set_scope("Cluster");
    entry->set_singularresource(SingularOf(review));
    entry->add_verbs("create");
  }
}

}  // namespace

api::meta::v1::APIVersions CoreVersions(const std::string& server_address) {
  api::meta::v1::APIVersions versions;
  versions.add_versions("v1");
  auto* address = versions.add_serveraddressbyclientcidrs();
  address->set_clientcidr("0.0.0.0/0");
  address->set_serveraddress(server_address);
  return versions;
}

api::meta::v1::APIGroup GroupNamed(const registry::Resources& resources, std::string_view group) {
  api::meta::v1::APIGroup found;
  for (const auto& gv : ServedVersions(resources)) {
    if (gv.group != group) continue;
    found.set_name(gv.group);
    auto* version = found.add_versions();
    version->set_groupversion(gv.String());
    version->set_version(gv.version);
    if (!found.has_preferredversion()) *found.mutable_preferredversion() = *version;
  }
  return found;
}

api::meta::v1::APIGroupList Groups(const registry::Resources& resources) {
  api::meta::v1::APIGroupList list;
  std::string last;
  for (const auto& gv : ServedVersions(resources)) {
    if (gv.group.empty() || gv.group == last) continue;
    last = gv.group;
    *list.add_groups() = GroupNamed(resources, gv.group);
  }
  return list;
}

api::meta::v1::APIResourceList ResourceList(const registry::Resources& resources,
                                            std::string_view group, std::string_view version) {
  api::meta::v1::APIResourceList list;
  list.set_groupversion(api::GroupVersion{std::string(group), std::string(version)}.String());
  std::vector<const Resource*> served = ResourcesOf(resources, group, version);
  if (group.empty() && !served.empty()) {
    APIResource* bindings = list.add_resources();
    bindings->set_name("bindings");
    bindings->set_singularname("binding");
    bindings->set_namespaced(true);
    bindings->set_kind("Binding");
    bindings->mutable_verbs()->add_items("create");
  }
  for (const Resource* resource : served) AddResource(*resource, list);
  for (const endpoints::ReviewResource& review : endpoints::ReviewResources()) {
    if (review.group != group || review.version != version) continue;
    APIResource* entry = list.add_resources();
    entry->set_name(std::string(review.plural));
    entry->set_singularname(SingularOf(review));
    entry->set_namespaced(false);
    entry->set_kind(std::string(review.kind));
    entry->mutable_verbs()->add_items("create");
  }
  return list;
}

api::apidiscovery::v2beta1::APIGroupDiscoveryList AggregatedGroups(
    const registry::Resources& resources, bool core) {
  api::apidiscovery::v2beta1::APIGroupDiscoveryList list;
  list.mutable_metadata();
  api::apidiscovery::v2beta1::APIGroupDiscovery* group = nullptr;
  for (const auto& gv : ServedVersions(resources)) {
    if (gv.group.empty() != core) continue;
    if (group == nullptr || group->metadata().name() != gv.group) {
      group = list.add_items();
      group->mutable_metadata()->set_name(gv.group);
      if (gv.group.empty()) group->mutable_metadata()->clear_name();
    }
    auto* version = group->add_versions();
    version->set_version(gv.version);
    version->set_freshness("Current");
    if (gv.group.empty()) AddDiscoveredBindings(*version);
    for (const Resource* resource : ResourcesOf(resources, gv.group, gv.version)) {
      AddDiscovered(*resource, *version);
    }
    AddDiscoveredReviews(gv, *version);
  }
  return list;
}

}  // namespace wherry::apiserver::discovery
