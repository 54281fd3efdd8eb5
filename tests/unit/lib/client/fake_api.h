#pragma once

#include "lib/client/api_client.h"
#include "lib/http/message.h"
#include "lib/loop/sync.h"
#include "lib/loop/world.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wherry::client {

// An API server for pods as small as a test needs: a revision, a history, list and watch. Answers
// with shared objects to callers that want them, in protobuf to others.
class FakeApi : public http::Handler {
 public:
  explicit FakeApi(Loop& loop) : changed_(loop) {}

  Task<http::Response> Handle(http::Request request) override;

  // Makes or changes a pod; `node` is its spec.nodeName.
  void Put(const std::string& name, const std::string& node = "");
  void Delete(const std::string& name);
  void Bookmark();
  // Forgets the history up to now: a watch from an older revision gets 410.
  void Compact() { compacted_ = revision_; }
  // Ends all running watches, in good order or with an error.
  void EndWatches(bool broken);

  // Requests answered with this error instead, as long as it is set.
  std::optional<Error> outage;
  // Items per list page; 0: all.
  size_t page = 0;
  std::vector<http::Request> requests;

  int64_t revision() const { return revision_; }
  // How many requests had this in their target.
  int Count(std::string_view text) const;

 private:
  friend class FakeWatch;
  struct Event {
    int64_t revision;
    std::string type;
    MessagePtr object;
  };
  http::Response List(const http::Request& request);
  http::Response Watch(const http::Request& request);
  void Record(std::string type, MessagePtr object);

  int64_t revision_ = 10;
  int64_t compacted_ = 0;
  std::map<std::string, MessagePtr> pods_;
  std::vector<Event> history_;
  Notifier changed_;
  int generation_ = 0;  // of watches: older ones have been ended
  bool end_broken_ = false;
};

}  // namespace wherry::client
