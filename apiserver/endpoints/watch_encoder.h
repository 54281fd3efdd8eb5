#pragma once

#include "apiserver/endpoints/endpoint.h"
#include "apiserver/endpoints/table.h"
#include "apiserver/storage/cacher/object_watcher.h"

#include <memory>
#include <string>
#include <string_view>

namespace wherry {
class Clock;
}

namespace wherry::apiserver::endpoints {

// Turns what a watch has to say into the chunks of one client's media type. One per watch; loop
// thread.
class WatchEncoder {
 public:
  WatchEncoder(const Resource& resource, const Accepted& accepted, IncludeObject include,
               bool wants_objects, Clock& clock);

  // An object that exists already (`type` kAdded), or an event.
  Result<http::Chunk> Initial(const storage::ObjectPtr& object);
  Result<http::Chunk> Event(const storage::WatchItem& item);
  // An otherwise empty object that tells how far the watch has come; `initial_events_end` marks the
  // end of sendInitialEvents.
  Result<http::Chunk> Bookmark(storage::Revision revision, bool initial_events_end);
  // The last event of a watch that cannot go on.
  http::Chunk ErrorEvent(const Error& error) const;
  std::string ContentType() const;

 private:
  // An event made for this watch alone.
  Result<http::Chunk> Fresh(std::string_view type, const storage::ObjectPtr& object);
  bool TellsWholeObjects() const { return accepted_.as == Accepted::As::kObject; }
  storage::WatchEncoding encoding() const;
  Result<http::Chunk> Transformed(std::string_view type, const google::protobuf::Message& object);

  const Resource& resource_;
  Accepted accepted_;
  IncludeObject include_;
  bool wants_objects_;
  Clock& clock_;
  bool columns_sent_ = false;
};

}  // namespace wherry::apiserver::endpoints
