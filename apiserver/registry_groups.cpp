#include "apiserver/registry_groups.h"

#if __has_include("apiserver/registry/apps/register.h")
#include "apiserver/registry/apps/register.h"
#endif
#if __has_include("apiserver/registry/certificates/register.h")
#include "apiserver/registry/certificates/register.h"
#endif
#if __has_include("apiserver/registry/coordination/register.h")
#include "apiserver/registry/coordination/register.h"
#endif
#if __has_include("apiserver/registry/core/register.h")
#include "apiserver/registry/core/register.h"
#endif
#if __has_include("apiserver/registry/discovery/register.h")
#include "apiserver/registry/discovery/register.h"
#endif
#if __has_include("apiserver/registry/events/register.h")
#include "apiserver/registry/events/register.h"
#endif

namespace wherry::apiserver {

void RegisterAllGroups(registry::KindTable& table) {
#if __has_include("apiserver/registry/apps/register.h")
  registry::apps::Register(table);
#endif
#if __has_include("apiserver/registry/certificates/register.h")
  registry::certificates::Register(table);
#endif
#if __has_include("apiserver/registry/coordination/register.h")
  registry::coordination::Register(table);
#endif
#if __has_include("apiserver/registry/core/register.h")
  registry::core::Register(table);
#endif
#if __has_include("apiserver/registry/discovery/register.h")
  registry::discovery::Register(table);
#endif
#if __has_include("apiserver/registry/events/register.h")
  registry::events::Register(table);
#endif
}

}  // namespace wherry::apiserver
