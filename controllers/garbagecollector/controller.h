#pragma once

#include "controllers/garbagecollector/decide.h"
#include "controllers/garbagecollector/graph.h"
#include "controllers/objects/informers.h"
#include "lib/client/event_recorder.h"
#include "lib/client/workqueue.h"

#include <string>
#include <string_view>
#include <vector>

namespace wherry::controllers::garbagecollector {

// Deletes objects whose owners are all gone, and carries out foreground and orphan deletion. Keeps
// a graph of all objects of the served kinds (events excepted); nothing is deleted on the graph's
// word alone: owners that it does not hold are looked up on the server. Loop thread.
class Controller {
 public:
  explicit Controller(Context context);
  // Works until `scope` ends.
  void Start(TaskScope& scope);

 private:
  Task<Status> Sync(Uid uid);
  Task<Status> Verify(Node node);
  Task<Status> Orphan(Node node, std::vector<Uid> dependents);
  Task<Status> DropOwner(Uid owner, Uid dependent);
  Task<Status> RemoveFinalizer(Node node, std::string finalizer);
  Task<Status> JudgeAndAct(Node node);
  Task<Result<OwnerState>> StateOf(client::MessagePtr object, Owner owner);
  void WarnOfOtherNamespace(const google::protobuf::Message& object, const Owner& owner);
  // The live object; null when it is gone (and then out of the graph).
  Task<Result<client::MessagePtr>> Fetch(Node node);
  Task<Status> Patch(Node node, client::PatchType type, std::string patch);
  void Enqueue(const std::vector<Uid>& uids);

  World& world_;
  client::ApiClient& client_;
  std::vector<client::Informer*> informers_;
  Graph graph_;
  client::WorkQueue queue_;
  client::EventRecorder recorder_;
};

}  // namespace wherry::controllers::garbagecollector
