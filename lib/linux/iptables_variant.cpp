#include "lib/linux/iptables_variant.h"

#include "lib/linux/command.h"

namespace wherry::linux {

Result<std::string> ChooseIptables(const Result<std::string>& legacy,
                                   const Result<std::string>& nft) {
  if (!nft.ok() && !legacy.ok()) return nft.error();
  const bool legacy_in_use = legacy.ok() && legacy->find(":KUBE-SERVICES") != std::string::npos;
  return std::string(nft.ok() && !legacy_in_use ? "iptables-nft" : "iptables-legacy");
}

Result<std::string> ChooseIptables() {
  return ChooseIptables(RunCommand({"iptables-legacy-save", "-t", "nat"}, ""),
                        RunCommand({"iptables-nft-save", "-t", "nat"}, ""));
}

}  // namespace wherry::linux
