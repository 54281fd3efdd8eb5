#pragma once

#include "apiserver/registry/admitter.h"

namespace wherry::api::core::v1 {
class Pod;
}

namespace wherry::apiserver::admission {

using api::core::v1::Pod;
using registry::Context;

// A plugin that looks at pods, and hardly at anything else.
class PodPlugin : public registry::Admitter {
 public:
  Status Admit(const Context& context, const api::KindInfo& kind, registry::Message& object,
               const registry::Message* old) const override;

 protected:
  virtual Status AdmitPod(const Context& context, Pod& pod, const Pod* old) const = 0;
};

// kForbidden: `pods "web" is forbidden: ...`.
Error Forbid(const Pod& pod, std::string_view why);

}  // namespace wherry::apiserver::admission
