#pragma once

#include "lib/api/gvk.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace google::protobuf {
class Descriptor;
class Message;
}  // namespace google::protobuf

namespace wherry::api {

class Schema;

// One kind of one group and version. Immutable, lives as long as the process, any thread.
struct KindInfo {
  GroupVersion group_version;
  std::string kind;       // "Pod"
  std::string list_kind;  // "PodList"
  // "pods"; empty for kinds that are no resource (Status, DeleteOptions, Scale, PodList).
  std::string plural;
  std::string singular;
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  bool namespaced = false;
  std::string doc;
  const google::protobuf::Descriptor* descriptor = nullptr;
  const Schema* schema = nullptr;
  const google::protobuf::Message* prototype = nullptr;       // an empty object of this kind
  const google::protobuf::Message* list_prototype = nullptr;  // null where there is no list kind

  GroupVersionKind Gvk() const { return {group_version.group, group_version.version, kind}; }
  std::string ApiVersion() const { return group_version.String(); }
  std::unique_ptr<google::protobuf::Message> New() const;
  std::unique_ptr<google::protobuf::Message> NewList() const;
};

// Every kind the binary knows; nullptr when there is none.
const KindInfo* FindKind(std::string_view group, std::string_view version, std::string_view kind);
const KindInfo* FindResource(std::string_view group, std::string_view version,
                             std::string_view plural);
const KindInfo* FindKind(const google::protobuf::Descriptor& descriptor);
// The kind of `object`'s type, which must be one.
const KindInfo& KindOf(const google::protobuf::Message& object);
// KindInfo of a generated type: `KindOf<core::v1::Pod>()`; T must be complete.
template <typename T>
const KindInfo& KindOf() {
  return KindOf(T::default_instance());
}

// In group preference order (core first, then apps, ...), then by kind.
std::span<const KindInfo* const> AllKinds();
// Those with a plural.
std::span<const KindInfo* const> AllResources();
// Groups in the order discovery lists them, each with its preferred version first.
std::span<const GroupVersion> AllGroupVersions();

}  // namespace wherry::api
