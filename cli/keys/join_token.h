#pragma once

#include "lib/api/bootstrap_token.h"
#include "lib/base/result.h"
#include "lib/loop/world.h"

#include <string>

namespace wherry::cli {

// What `wherry agent --token` takes: the hash of the cluster's CA and a bootstrap token in one
// word, so that the server a node joins is always checked.
// "W1<hex of sha256 of the CA's public key>::<bootstrap token>".
struct JoinToken {
  std::string ca_hash;  // "sha256:<hex>"
  api::BootstrapToken bootstrap;
};
// Errors: kBadRequest when the CA's PEM does not parse.
Result<std::string> MakeJoinToken(const std::string& ca_pem, const api::BootstrapToken& token);
// Errors: kBadRequest.
Result<JoinToken> ParseJoinToken(const std::string& text);

// Characters of a-z0-9.
std::string RandomText(Random& random, int length);
api::BootstrapToken RandomBootstrapToken(Random& random);

}  // namespace wherry::cli
