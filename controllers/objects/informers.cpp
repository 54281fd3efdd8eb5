#include "controllers/objects/informers.h"

#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::controllers {
namespace {

using google::protobuf::Message;
using Values = std::vector<std::string>;

Values Namespace(const Message& object) { return {api::MetaOf(object).namespace_()}; }

Values ControllerUid(const Message& object) {
  const auto* owner = api::ControllerOf(api::MetaOf(object));
  return owner == nullptr ? Values{} : Values{owner->uid()};
}

Values OrphanNamespace(const Message& object) {
  const auto& meta = api::MetaOf(object);
  return api::ControllerOf(meta) == nullptr ? Values{meta.namespace_()} : Values{};
}

Values NodeName(const Message& object) {
  const auto& pod = static_cast<const api::core::v1::Pod&>(object);
  return pod.spec().nodename().empty() ? Values{} : Values{pod.spec().nodename()};
}

}  // namespace

client::Informer& Informers::For(const api::KindInfo& kind) {
  auto& informer = informers_[kind.group_version.String() + "/" + kind.plural];
  if (!informer) {
    informer = std::make_unique<client::Informer>(world_, client_, kind);
    informer->AddIndex(kByNamespace, Namespace);
    informer->AddIndex(kByController, ControllerUid);
    informer->AddIndex(kOrphans, OrphanNamespace);
    if (&kind == &api::KindOf<api::core::v1::Pod>()) informer->AddIndex(kByNode, NodeName);
  }
  return *informer;
}

void Informers::Start() {
  for (auto& [kind, informer] : informers_) informer->Start();
}

bool Informers::HasSynced() const {
  return std::all_of(informers_.begin(), informers_.end(),
                     [](const auto& entry) { return entry.second->HasSynced(); });
}

std::pair<std::string, std::string> SplitKey(const std::string& key) {
  const size_t slash = key.find('/');
  if (slash == std::string::npos) return {"", key};
  return {key.substr(0, slash), key.substr(slash + 1)};
}

Task<void> WaitForSync(std::vector<client::Informer*> informers) {
  for (client::Informer* informer : informers) co_await informer->WaitForSync();
}

}  // namespace wherry::controllers
