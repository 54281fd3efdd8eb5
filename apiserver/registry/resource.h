#pragma once

#include "apiserver/registry/strategy.h"
#include "apiserver/request/status.h"
#include "apiserver/storage/cacher/cached_object.h"
#include "apiserver/storage/interface.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::apiserver::registry {

// One kind as it is served and stored. Lives as long as the Resources it belongs to.
struct Resource {
  const api::KindInfo* kind = nullptr;
  const Strategy* strategy = nullptr;
  std::string key_prefix;  // "/registry/apps/deployments/"
  // Not null: objects are stored as another kind's, under that kind's keys.
  const StoredForm* stored_form = nullptr;
  std::shared_ptr<const storage::ObjectCodec> shown_codec;  // with a stored form: of this kind

  ResourceName name() const;
  // "/registry/apps/deployments/default/web", "/registry/core/nodes/n1".
  storage::Key Key(std::string_view ns, std::string_view name) const;
  // What a list of one namespace, or of all ("") covers.
  std::string Prefix(std::string_view ns) const;

  // A stored object (null: null) as this kind shows it. One that cannot be read stays as it is:
  // whoever reads it then gets the error.
  storage::ObjectPtr Show(storage::ObjectPtr stored) const;
  // What is stored for `object`, a message of this kind.
  std::string StoredValue(Message& object) const;
  // The stored form's name of a selectable field.
  std::string StoredField(std::string_view path) const;
};

// All resources that this server serves, made once from the known kinds.
class Resources {
 public:
  explicit Resources(KindTable& table);
  Resources(const Resources&) = delete;
  // Null when there is none.
  const Resource* Find(std::string_view group, std::string_view version,
                       std::string_view plural) const;
  const Resource* Find(const api::KindInfo& kind) const;
  const std::vector<std::unique_ptr<Resource>>& all() const { return all_; }

 private:
  std::vector<std::unique_ptr<Resource>> all_;
};

// What the cacher must know of a resource's objects.
std::shared_ptr<const storage::ObjectCodec> MakeObjectCodec(const Resource& resource);

}  // namespace wherry::apiserver::registry
