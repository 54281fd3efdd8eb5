#include "apiserver/storage/cacher/object_index.h"

#include "apiserver/storage/cacher/json_members.h"

#include <forward_list>
#include <utility>

namespace wherry::apiserver::storage {
namespace {

// What object.field(field) says, read from the text alone: most objects are never asked for more.
std::string FieldValue(const CachedObject& object, const std::string& field) {
  std::forward_list<std::string> kept;
  const std::string_view value = JsonScalar(FindJsonPath(*object.kv().value, field), kept);
  if (!value.empty()) return std::string(value);
  for (const SelectableField& selectable : object.codec()->selectable_fields())
    if (selectable.path == field) return selectable.absent;
  return "";
}

}  // namespace

void ObjectIndex::Register(std::string prefix, std::shared_ptr<const ObjectCodec> codec) {
  Kind kind{.codec = std::move(codec), .fields = {}};
  if (kind.codec)
    for (const std::string& field : kind.codec->indexed_fields()) kind.fields[field];
  kinds_.insert_or_assign(std::move(prefix), std::move(kind));
}

const ObjectIndex::Kind* ObjectIndex::KindOf(std::string_view key) const {
  // Prefixes end with '/': try those of the key from the longest on.
  for (size_t end = key.size(); end > 0; --end) {
    if (key[end - 1] != '/') continue;
    auto it = kinds_.find(key.substr(0, end));
    if (it != kinds_.end()) return &it->second;
  }
  return nullptr;
}

ObjectIndex::Kind* ObjectIndex::KindOf(std::string_view key) {
  return const_cast<Kind*>(std::as_const(*this).KindOf(key));
}

std::shared_ptr<const ObjectCodec> ObjectIndex::CodecOf(std::string_view key) const {
  const Kind* kind = KindOf(key);
  return kind == nullptr ? nullptr : kind->codec;
}

void ObjectIndex::Add(const ObjectPtr& object) {
  Kind* kind = KindOf(object->key());
  if (kind == nullptr) return;
  for (auto& [field, by_value] : kind->fields) by_value[FieldValue(*object, field)].Put(object);
}

void ObjectIndex::Remove(const CachedObject& object) {
  Kind* kind = KindOf(object.key());
  if (kind == nullptr) return;
  for (auto& [field, by_value] : kind->fields) {
    auto it = by_value.find(FieldValue(object, field));
    if (it == by_value.end()) continue;
    it->second.Erase(object.key());
    if (it->second.empty()) by_value.erase(it);
  }
}

void ObjectIndex::Clear() {
  for (auto& [prefix, kind] : kinds_)
    for (auto& [field, by_value] : kind.fields) by_value.clear();
}

bool ObjectIndex::Indexes(std::string_view prefix, std::string_view field) const {
  const Kind* kind = KindOf(prefix);
  return kind != nullptr && kind->fields.contains(field);
}

const ObjectTable* ObjectIndex::Find(std::string_view prefix, std::string_view field,
                                     const std::string& value) const {
  const ByValue& by_value = KindOf(prefix)->fields.find(field)->second;
  auto it = by_value.find(value);
  return it == by_value.end() ? nullptr : &it->second;
}

}  // namespace wherry::apiserver::storage
