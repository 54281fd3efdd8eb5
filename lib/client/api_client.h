#pragma once

#include "lib/base/result.h"
#include "lib/http/message.h"
#include "lib/loop/loop.h"
#include "lib/loop/task.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace google::protobuf {
class Message;
}
namespace wherry::api {
struct KindInfo;
}

// How every component but the API server itself meets the API: upstream's client-go in small.
namespace wherry::client {

using MessagePtr = std::shared_ptr<const google::protobuf::Message>;

struct ListOptions {
  std::string label_selector;
  std::string field_selector;
  std::string resource_version;        // "" is the newest, "0" any
  std::string resource_version_match;  // "", "Exact", "NotOlderThan"
  int64_t limit = 0;
  std::string continue_token;
};

struct DeleteOptions {
  std::optional<int64_t> grace_period_seconds;
  std::string propagation_policy;  // "", "Orphan", "Background", "Foreground"
  std::string uid;                 // precondition when not empty
  std::string resource_version;    // precondition when not empty
};

enum class PatchType { kJson, kMerge, kStrategicMerge };

struct ObjectList {
  std::vector<MessagePtr> items;
  std::string resource_version;
  std::string continue_token;
};

struct WatchEvent {
  enum class Type { kAdded, kModified, kDeleted, kBookmark };
  Type type = Type::kAdded;
  MessagePtr object;
};

// A running watch. Destroying it ends it.
class Watch {
 public:
  virtual ~Watch() = default;
  // The next event; nullopt when the server ended the watch in good order.
  // Errors: kExpired (410: list again), kServiceUnavailable (connection lost: watch again from the
  // last revision).
  virtual Task<Result<std::optional<WatchEvent>>> Next() = 0;
};

// Kubernetes REST over any RoundTripper: HTTPS to another process, or the API server's handler in
// this one.
//
// Bodies travel as protobuf (application/vnd.kubernetes.protobuf), or as shared parsed objects in
// process. Loop thread; the round tripper and the loop outlive it. Errors carry the server's
// metav1.Status: reason, message, causes.
class ApiClient {
 public:
  struct Options {
    std::string user_agent = "wherry";
    bool in_process = false;             // ask for shared objects, and arrive as `user`
    std::optional<http::UserInfo> user;  // in process only
  };
  ApiClient(Loop& loop, http::RoundTripper& transport, Options options);

  // `kind` names group, version and resource; `ns` is "" for cluster-scoped kinds and for all
  // namespaces in List.
  Task<Result<MessagePtr>> Get(const api::KindInfo& kind, std::string ns, std::string name);
  Task<Result<ObjectList>> List(const api::KindInfo& kind, std::string ns, ListOptions options);
  // From options.resource_version on; bookmarks are asked for.
  Task<Result<std::unique_ptr<Watch>>> StartWatch(const api::KindInfo& kind, std::string ns,
                                                  ListOptions options);
  Task<Result<MessagePtr>> Create(std::string ns, MessagePtr object);
  // PUT; metadata.resourceVersion in `object` is the precondition. Errors: kConflict when it is
  // stale.
  Task<Result<MessagePtr>> Update(MessagePtr object);
  Task<Result<MessagePtr>> UpdateStatus(MessagePtr object);
  // PUT to a subresource that takes the object itself: namespaces/finalize.
  Task<Result<MessagePtr>> UpdateSubresource(MessagePtr object, std::string subresource);
  // `subresource` is "" or "status", "scale", ...; `patch` is JSON.
  Task<Result<MessagePtr>> Patch(const api::KindInfo& kind, std::string ns, std::string name,
                                 PatchType type, std::string patch, std::string subresource);
  Task<Status> Delete(const api::KindInfo& kind, std::string ns, std::string name,
                      DeleteOptions options);
  // Every object of the kind in `ns`. Errors: kMethodNotAllowed where the kind has no such verb.
  Task<Status> DeleteCollection(const api::KindInfo& kind, std::string ns, DeleteOptions options);
  // POST to a subresource that takes another kind: pods/binding, pods/eviction,
  // serviceaccounts/token.
  Task<Status> CreateSubresource(const api::KindInfo& kind, std::string ns, std::string name,
                                 std::string subresource, MessagePtr object);
  // The same for a subresource that answers with the kind it takes: serviceaccounts/token.
  Task<Result<MessagePtr>> PostSubresource(const api::KindInfo& kind, std::string ns,
                                           std::string name, std::string subresource,
                                           MessagePtr object);
  // A plain GET ("/version", "/readyz", pods/log).
  Task<Result<std::string>> GetRaw(std::string target);

  Loop& loop() { return loop_; }

 private:
  // Sends, and turns replies of 400 and above into errors.
  Task<Result<http::Response>> Send(http::Request request, bool stream);
  // Sends `object` (may be null) and decodes the reply as an object of `kind`.
  Task<Result<MessagePtr>> SendObject(std::string method, std::string target,
                                      const api::KindInfo& kind, MessagePtr object);

  Loop& loop_;
  http::RoundTripper& transport_;
  Options options_;
};

}  // namespace wherry::client
