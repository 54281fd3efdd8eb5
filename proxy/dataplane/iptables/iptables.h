#pragma once

#include "lib/loop/world.h"
#include "proxy/dataplane/dataplane.h"
#include "proxy/dataplane/iptables/ruleset.h"

#include <memory>
#include <string>

namespace wherry::proxy::dataplane {

struct IptablesOptions {
  enum class Variant { kAuto, kNft, kLegacy };
  // kAuto: the one that already holds KUBE- chains, else nft when the kernel has it.
  Variant variant = Variant::kAuto;
  RulesetOptions ruleset;
};

// Services as iptables rules, loaded by iptables-restore --noflush with only the chains that
// changed. The programs are run for the network namespace of this process. Needs CAP_NET_ADMIN.
std::unique_ptr<Dataplane> MakeIptables(World& world, IptablesOptions options);

}  // namespace wherry::proxy::dataplane
