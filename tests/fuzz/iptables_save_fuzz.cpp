// What `iptables-save` prints, read for some chains, for Services and for host ports, and the
// source ranges of Services: read without harm, and what reads as a range prints as one that reads
// the same.

#include "lib/base/check.h"
#include "lib/linux/iptables_save.h"
#include "nodeagent/network/host_port_rules.h"
#include "proxy/dataplane/iptables/present.h"
#include "proxy/services/source_range.h"

#include <cstdint>
#include <string>
#include <string_view>

using namespace wherry::proxy;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  auto ours = [](std::string_view chain) { return chain.starts_with("KUBE-"); };
  const wherry::linux::IptablesSave save = wherry::linux::ParseIptablesSave(text, ours);
  for (const auto& [table, chains] : save.chains) {
    CHECK(!table.empty());
    for (const auto& [chain, rules] : chains) CHECK_THAT(ours(chain), chain);
  }
  for (const wherry::linux::IptablesJump& jump : save.jumps) {
    CHECK_THAT(!ours(jump.chain), jump.chain);
    CHECK_THAT(ours(wherry::linux::TargetOf(jump.rule)), jump.rule);
    CHECK(wherry::linux::HasJump(save.jumps, jump));
  }
  const dataplane::Present present = dataplane::ParseSave(text);
  for (const auto& [chain, rules] : present.nat) CHECK(dataplane::IsOurChain(chain));
  for (const dataplane::Jump& jump : present.jumps) CHECK(!dataplane::IsOurChain(jump.chain));
  const std::string unload = wherry::nodeagent::network::UnloadInput(text);
  CHECK_THAT(unload.empty() || unload.starts_with("*"), unload);
  const wherry::nodeagent::network::HostPortRules none;
  CHECK(!wherry::nodeagent::network::LoadInput(none, text).empty());
  if (const auto range = services::SourceRange::Parse(text)) {
    const auto again = services::SourceRange::Parse(range->ToString());
    CHECK_THAT(again == range, range->ToString());
    CHECK(range->Contains(range->ToString().substr(0, range->ToString().find('/'))));
  }
  return 0;
}
