#pragma once

#include "apiserver/storage/cacher/object_codec.h"
#include "apiserver/storage/cacher/resource_version_splice.h"
#include "apiserver/storage/interface.h"

#include <memory>
#include <optional>
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

  // Errors: kInternalError when the stored text cannot be parsed as its kind, or no codec is
  // registered.
  Result<SharedBytes> protobuf() const;
  Result<std::shared_ptr<const google::protobuf::Message>> message() const;

  // metadata.labels in stored order. Views live as long as the object or until Trim.
  const std::vector<std::pair<std::string_view, std::string_view>>& labels() const;
  std::optional<std::string_view> label(std::string_view name) const;
  // The value a fieldSelector compares; nullopt when `path` is not selectable for this kind.
  std::optional<std::string_view> field(std::string_view path) const;

  // Forgets labels and fields until they are asked for again.
  void Trim() const;

 private:
  struct Lazy;
  struct Attributes;
  Lazy& lazy() const;
  const Attributes& attributes() const;

  KeyValue kv_;
  std::shared_ptr<const ObjectCodec> codec_;
  mutable ResourceVersionSplice splice_;
  mutable bool splice_known_ = false;
  mutable std::unique_ptr<Lazy> lazy_;
};

using ObjectPtr = std::shared_ptr<const CachedObject>;

}  // namespace wherry::apiserver::storage
