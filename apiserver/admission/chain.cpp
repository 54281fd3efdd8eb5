#include "apiserver/admission/chain.h"

#include "apiserver/admission/certificate_subject_restriction.h"
#include "apiserver/admission/default_toleration_seconds.h"
#include "apiserver/admission/node_restriction.h"
#include "apiserver/admission/priority.h"
#include "apiserver/admission/runtime_class.h"
#include "apiserver/admission/service_account.h"
#include "apiserver/admission/storage_object_in_use_protection.h"

namespace wherry::apiserver::admission {

Status Chain::Admit(const registry::Context& context, const api::KindInfo& kind,
                    registry::Message& object, const registry::Message* old) const {
  for (const auto& plugin : plugins_) TRY_STATUS(plugin->Admit(context, kind, object, old));
  return Ok();
}

Status Chain::Restrict(const registry::Context& context, const api::KindInfo& kind,
                       const registry::Message* object, const registry::Message* old) const {
  for (const auto& plugin : plugins_) TRY_STATUS(plugin->Restrict(context, kind, object, old));
  return Ok();
}

// In upstream's order, pkg/kubeapiserver/options/plugins.go.
std::unique_ptr<Chain> MakeDefaultChain(const Options& options, Random& random) {
  auto chain = std::make_unique<Chain>();
  chain->Add(MakeNodeRestriction());
  chain->Add(MakeServiceAccount(options.mount_service_account_tokens, random));
  chain->Add(MakePriority());
  chain->Add(MakeDefaultTolerationSeconds());
  chain->Add(MakeStorageObjectInUseProtection());
  chain->Add(MakeRuntimeClass());
  chain->Add(MakeCertificateSubjectRestriction());
  return chain;
}

}  // namespace wherry::apiserver::admission
