#include "apiserver/registry/apps/register.h"

#include "apiserver/registry/apps/strategies.h"

namespace wherry::apiserver::registry::apps {

void Register(KindTable& table) {
  table.Add(MakeDeploymentStrategy());
  table.Add(MakeReplicaSetStrategy());
  table.Add(MakeStatefulSetStrategy());
  table.Add(MakeControllerRevisionStrategy());
}

}  // namespace wherry::apiserver::registry::apps
