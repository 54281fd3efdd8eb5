// What `iptables-save` prints, read for Services and for host ports, and the source ranges of
// Services: read without harm, and what reads as a range prints as one that reads the same.

#include "lib/base/check.h"
#include "nodeagent/network/host_port_rules.h"
#include "proxy/dataplane/iptables/present.h"
#include "proxy/services/source_range.h"

#include <cstdint>
#include <string>

using namespace wherry::proxy;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
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
