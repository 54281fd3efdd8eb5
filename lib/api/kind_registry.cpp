#include "lib/api/kind_registry.h"

#include "lib/api/descriptors.h"
#include "lib/api/schema.h"
#include "lib/base/check.h"
#include "proto/api/options.pb.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <deque>
#include <map>
#include <tuple>
#include <unordered_map>

namespace wherry::api {
namespace {

namespace pb = google::protobuf;

using Name = std::tuple<std::string_view, std::string_view, std::string_view>;

struct Registry {
  std::deque<KindInfo> kinds;
  std::vector<const KindInfo*> all;
  std::vector<const KindInfo*> resources;
  std::vector<GroupVersion> group_versions;
  std::map<Name, const KindInfo*> by_kind;
  std::map<Name, const KindInfo*> by_resource;
  std::unordered_map<const pb::Descriptor*, const KindInfo*> by_descriptor;

  Registry();
  void Add(const pb::Descriptor& descriptor);
};

const pb::Message* PrototypeOf(const pb::Descriptor* descriptor) {
  return descriptor == nullptr ? nullptr
                               : pb::MessageFactory::generated_factory()->GetPrototype(descriptor);
}

Registry::Registry() {
  for (const pb::FileDescriptor* file : ApiFiles()) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      if (file->message_type(i)->options().HasExtension(options::kind)) Add(*file->message_type(i));
    }
  }
}

void Registry::Add(const pb::Descriptor& descriptor) {
  const options::Kind& kind = descriptor.options().GetExtension(options::kind);
  KindInfo& info = kinds.emplace_back();
  info.group_version = {kind.group(), kind.version()};
  info.kind = kind.kind();
  info.list_kind = kind.list_kind();
  info.plural = kind.plural();
  info.singular = kind.singular();
  info.short_names.assign(kind.short_names().begin(), kind.short_names().end());
  info.categories.assign(kind.categories().begin(), kind.categories().end());
  info.namespaced = kind.namespaced();
  info.doc = kind.doc();
  info.descriptor = &descriptor;
  info.schema = &Schema::Of(descriptor);
  info.prototype = PrototypeOf(&descriptor);
  if (!info.list_kind.empty()) {
    info.list_prototype = PrototypeOf(descriptor.file()->FindMessageTypeByName(info.list_kind));
    CHECK_THAT(info.list_prototype != nullptr, info.list_kind);
  }
  all.push_back(&info);
  by_descriptor[&descriptor] = &info;
  const std::string& group = info.group_version.group;
  const std::string& version = info.group_version.version;
  CHECK_THAT(by_kind.try_emplace(Name{group, version, info.kind}, &info).second, info.kind);
  if (info.plural.empty()) return;
  resources.push_back(&info);
  CHECK_THAT(by_resource.try_emplace(Name{group, version, info.plural}, &info).second, info.plural);
  if (std::find(group_versions.begin(), group_versions.end(), info.group_version) ==
      group_versions.end()) {
    group_versions.push_back(info.group_version);
  }
}

const Registry& TheRegistry() {
  static const Registry* const registry = new Registry();
  return *registry;
}

const KindInfo* Find(const std::map<Name, const KindInfo*>& in, const Name& name) {
  auto found = in.find(name);
  return found == in.end() ? nullptr : found->second;
}

}  // namespace

std::unique_ptr<pb::Message> KindInfo::New() const {
  return std::unique_ptr<pb::Message>(prototype->New());
}

std::unique_ptr<pb::Message> KindInfo::NewList() const {
  return list_prototype == nullptr ? nullptr : std::unique_ptr<pb::Message>(list_prototype->New());
}

const KindInfo* FindKind(std::string_view group, std::string_view version, std::string_view kind) {
  return Find(TheRegistry().by_kind, {group, version, kind});
}

const KindInfo* FindResource(std::string_view group, std::string_view version,
                             std::string_view plural) {
  return Find(TheRegistry().by_resource, {group, version, plural});
}

const KindInfo* FindKind(const pb::Descriptor& descriptor) {
  auto found = TheRegistry().by_descriptor.find(&descriptor);
  return found == TheRegistry().by_descriptor.end() ? nullptr : found->second;
}

const KindInfo& KindOf(const pb::Message& object) {
  const KindInfo* kind = FindKind(*object.GetDescriptor());
  CHECK_THAT(kind != nullptr, object.GetDescriptor()->full_name());
  return *kind;
}

std::span<const KindInfo* const> AllKinds() { return TheRegistry().all; }
std::span<const KindInfo* const> AllResources() { return TheRegistry().resources; }
std::span<const GroupVersion> AllGroupVersions() { return TheRegistry().group_versions; }

}  // namespace wherry::api
