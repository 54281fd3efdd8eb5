#pragma once

#include "apiserver/storage/cacher/cached_object.h"

#include <memory>
#include <string_view>
#include <vector>

namespace wherry::apiserver::storage {

// What a watch says about an object; the wire words are those of metav1.WatchEvent.type.
enum class WatchType { kAdded, kModified, kDeleted };
std::string_view WatchTypeName(WatchType type);  // "ADDED", "MODIFIED", "DELETED"

enum class WatchEncoding { kJson, kProtobuf };

// One committed write as all watchers share it. Loop thread.
class ObjectEvent {
 public:
  // `object` is null for a deletion, `previous` for a creation.
  ObjectEvent(Revision revision, ObjectPtr object, ObjectPtr previous);
  ~ObjectEvent();

  Revision revision() const { return revision_; }
  // As somebody who sees every object would be told.
  WatchType type() const;
  const ObjectPtr& object() const { return object_; }
  const ObjectPtr& previous() const { return previous_; }

  // The object that goes with `type` on the wire: for kDeleted the last state with the revision of
  // this event as its resourceVersion (also when an update made the object leave a selection), else
  // object().
  const ObjectPtr& ObjectFor(WatchType type) const;

  // The bytes on the wire, made once and shared: {"type":..,"object":..}\n, or a length-prefixed
  // (4 bytes, big endian) WatchEvent message. Errors: as CachedObject::protobuf.
  Result<SharedBytes> Frame(WatchType type, WatchEncoding encoding) const;

  // Forgets the frames (and the objects' labels and fields) and makes later frames for their caller
  // only: an old event is rarely read again.
  void Cool() const;

 private:
  struct Encoded {
    WatchType type;
    WatchEncoding encoding;
    SharedBytes bytes;
  };

  Revision revision_;
  ObjectPtr object_;
  ObjectPtr previous_;
  mutable ObjectPtr departed_;
  mutable std::vector<Encoded> frames_;
  mutable bool cold_ = false;
};

using ObjectEventPtr = std::shared_ptr<const ObjectEvent>;

// A frame around any object, for events that are not writes: initial ones, bookmarks, errors, other
// media types. `object` is complete JSON, or a complete k8s protobuf envelope.
std::string MakeWatchFrame(std::string_view type, std::string_view object, WatchEncoding encoding);

}  // namespace wherry::apiserver::storage
