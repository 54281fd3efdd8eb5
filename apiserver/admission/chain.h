#pragma once

#include "apiserver/registry/admitter.h"

#include <memory>
#include <vector>

namespace wherry {
class Random;
}

namespace wherry::apiserver::admission {

// Asks one after the other; the first refusal counts.
class Chain : public registry::Admitter {
 public:
  void Add(std::unique_ptr<registry::Admitter> plugin) { plugins_.push_back(std::move(plugin)); }
  Status Admit(const registry::Context& context, const api::KindInfo& kind,
               registry::Message& object, const registry::Message* old) const override;
  Status Restrict(const registry::Context& context, const api::KindInfo& kind,
                  const registry::Message* object, const registry::Message* old) const override;

 private:
  std::vector<std::unique_ptr<registry::Admitter>> plugins_;
};

struct Options {
  // Pods get the volume kube-api-access-xxxxx with a token for their service account. Needs
  // serviceaccounts/token, the ConfigMap kube-root-ca.crt in every namespace, and node agents that
  // ask for tokens.
  bool mount_service_account_tokens = false;
};

// The plugins that upstream has on by default and that this server's kinds need.
// `random` outlives the chain.
std::unique_ptr<Chain> MakeDefaultChain(const Options& options, Random& random);

}  // namespace wherry::apiserver::admission
