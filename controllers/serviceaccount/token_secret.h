#pragma once

#include "controllers/objects/types.h"
#include "lib/base/result.h"

#include <memory>
#include <string>

namespace wherry::api::core::v1 {
class Secret;
}

// What a Secret with an account's token says. Pure.
namespace wherry::controllers::serviceaccount {

bool IsTokenSecret(const corev1::Secret& secret);

// The Secret with all that it lacks, null when it lacks nothing. A token that is there stays.
// Errors: kBadRequest when the key signs no tokens.
Result<std::shared_ptr<corev1::Secret>> WithToken(const corev1::Secret& secret,
                                                  const corev1::ServiceAccount& account,
                                                  const std::string& key_pem,
                                                  const std::string& root_ca_pem);

}  // namespace wherry::controllers::serviceaccount
