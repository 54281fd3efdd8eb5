#pragma once

#include "controllers/garbagecollector/graph.h"

#include <string>
#include <vector>

// What the garbage collector does about one object. Pure. Source: upstream
// pkg/controller/garbagecollector; API docs "Garbage Collection", "Use Cascading Deletion".
namespace wherry::controllers::garbagecollector {

struct Step {
  enum class Kind {
    kNothing,
    kVerify,            // named as an owner, never seen: ask the server whether it exists
    kOrphan,            // take its name off `targets`, then remove the finalizer "orphan"
    kFinishForeground,  // nothing blocks it: remove the finalizer "foregroundDeletion"
    kVisit,             // it waits: look at `targets`, its blocking dependents
    kJudge,             // look at its owners
  };
  Kind kind = Kind::kNothing;
  std::vector<Uid> targets;
};

Step NextStep(const Graph& graph, const Uid& uid);

enum class OwnerState {
  kSolid,     // exists
  kDangling,  // does not
  kWaiting,   // exists, and is being deleted in the foreground
};

struct Judged {
  Uid owner;
  OwnerState state = OwnerState::kSolid;
};

struct Verdict {
  enum class Kind {
    kKeep,
    kDropOwners,  // remove the references to `owners`
    kDelete,      // with `policy`; before that, with `unblock`, make its references non-blocking
  };
  Kind kind = Kind::kKeep;
  std::vector<Uid> owners;
  std::string policy;
  bool unblock = false;
};

// `finalizers` are the object's; `owners` its references, judged.
Verdict Judge(const Graph& graph, const Node& node, const std::vector<std::string>& finalizers,
              const std::vector<Judged>& owners);

}  // namespace wherry::controllers::garbagecollector
