#pragma once

#include "apiserver/storage/cacher/object_codec.h"
#include "apiserver/storage/interface.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wherry::apiserver::storage {

using SharedBytes = std::shared_ptr<const std::string>;

// One revision of one object, shared by everybody who reads it: lists, watches, in-process
// informers.
//
// The stored bytes are held once; every other form is made on first use. What it costs to keep
// them: json() and message() live as long as some reader holds them and are shared meanwhile,
// protobuf() and the attributes stay with the object. Immutable as seen from outside; loop thread.
class CachedObject {
 public:
  // `codec` may be null: then only the JSON forms are there.
  CachedObject(KeyValue kv, std::shared_ptr<const ObjectCodec> codec);
  ~CachedObject();
  CachedObject(const CachedObject&) = delete;
  CachedObject& operator=(const CachedObject&) = delete;

  const KeyValue& kv() const { return kv_; }
  const Key& key() const { return kv_.key; }
  Revision revision() const { return kv_.mod_revision; }
  const std::shared_ptr<const ObjectCodec>& codec() const { return codec_; }

  // The stored JSON with metadata.resourceVersion put in. A value that is not a JSON object comes
  // back as it is.
  SharedBytes json() const;
  // Appends the same bytes to `out` without making json(): what a streamed list does.
  void AppendJson(std::string& out) const;
  size_t json_size() const;

  // Errors: kInternalError when the stored text cannot be parsed as its kind, or no codec is
  // registered.
  Result<SharedBytes> protobuf() const;
  Result<std::shared_ptr<const google::protobuf::Message>> message() const;

  // metadata.labels in stored order.
  const std::vector<std::pair<std::string, std::string>>& labels() const;
  // Null when there is no such label.
  const std::string* label(std::string_view name) const;
  // The value a fieldSelector compares; null when `path` is not selectable for this kind.
  const std::string* field(std::string_view path) const;

 private:
  struct Lazy;
  struct Attributes;
  Lazy& lazy() const;
  const Attributes& attributes() const;

  KeyValue kv_;
  std::shared_ptr<const ObjectCodec> codec_;
  mutable std::unique_ptr<Lazy> lazy_;
};

using ObjectPtr = std::shared_ptr<const CachedObject>;

}  // namespace wherry::apiserver::storage
