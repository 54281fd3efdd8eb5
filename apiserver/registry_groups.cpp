#include "apiserver/registry_groups.h"

#include "apiserver/registry/apps/register.h"
#include "apiserver/registry/certificates/register.h"
#include "apiserver/registry/coordination/register.h"
#include "apiserver/registry/core/register.h"
#include "apiserver/registry/discovery/register.h"
#include "apiserver/registry/events/register.h"
#include "apiserver/registry/policy/register.h"
#include "apiserver/registry/scheduling/register.h"
#include "apiserver/registry/volumes/register.h"

namespace wherry::apiserver {

void RegisterAllGroups(registry::KindTable& table) {
  registry::core::Register(table);
  registry::apps::Register(table);
  registry::coordination::Register(table);
  registry::discovery::Register(table);
  registry::certificates::Register(table);
  registry::events::Register(table);
  registry::policy::Register(table);
  registry::scheduling::Register(table);
  registry::volumes::Register(table);
}

}  // namespace wherry::apiserver
