#pragma once

#include "lib/base/result.h"

#include <string>

namespace wherry::linux {

// The prefix of the programs to load rules with, "iptables-nft" or "iptables-legacy", after what
// `PREFIX-save -t nat` says of each: the one that holds Service rules already, else nft when the
// kernel has it. Everything on a node that loads rules takes the same. Pure. Errors: nft's when
// neither works.
Result<std::string> ChooseIptables(const Result<std::string>& legacy,
                                   const Result<std::string>& nft);

// Asks both. Blocking.
Result<std::string> ChooseIptables();

}  // namespace wherry::linux
