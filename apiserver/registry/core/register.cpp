#include "apiserver/registry/core/register.h"

#include "apiserver/registry/core/strategies.h"

namespace wherry::apiserver::registry::core {

void Register(KindTable& table) {
  table.Add(MakePodStrategy());
  table.Add(MakeServiceStrategy());
  table.Add(MakeNamespaceStrategy());
  table.Add(MakeNodeStrategy());
  table.Add(MakeConfigMapStrategy());
  table.Add(MakeSecretStrategy());
  table.Add(MakeServiceAccountStrategy());
  table.Add(MakeEndpointsStrategy());
  table.Add(MakeEventStrategy());
  table.Add(MakePodTemplateStrategy());
  table.Add(MakeReplicationControllerStrategy());
}

}  // namespace wherry::apiserver::registry::core
