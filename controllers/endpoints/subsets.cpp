#include "controllers/endpoints/subsets.h"

#include "controllers/endpoints/reconcile.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <set>

namespace wherry::controllers::endpoints {

void SubsetBuilder::Add(const std::string& ip, const std::string& target_uid, std::string address,
                        bool ready, const corev1::EndpointPort* port) {
  auto& addresses = by_port_[port == nullptr ? std::string() : port->SerializeAsString()];
  auto [it, inserted] = addresses.insert({{ip, target_uid}, Address{std::move(address), ready}});
  if (!inserted) it->second.ready = it->second.ready && ready;
}

bool SubsetBuilder::Build(corev1::Endpoints* endpoints) const {
  // Ports by the address set they are offered on.
  std::map<std::string, std::pair<const Addresses*, std::vector<std::string>>> packed;
  int ready_total = 0;
  int total = 0;
  for (const auto& [port, addresses] : by_port_) {
    std::string key;
    for (const auto& [id, address] : addresses)
      key += id.first + "/" + id.second + (address.ready ? "+" : "-");
    auto& entry = packed[key];
    if (entry.first == nullptr) {
      entry.first = &addresses;
      for (const auto& [id, address] : addresses) {
        ++total;
        ready_total += address.ready ? 1 : 0;
      }
    }
    if (!port.empty()) entry.second.push_back(port);
  }
  int ready_left = kAddressesMax;
  int not_ready_left = std::max(0, kAddressesMax - ready_total);
  for (const auto& [key, entry] : packed) {
    auto* subset = endpoints->add_subsets();
    for (const auto& [id, address] : *entry.first) {
      int& left = address.ready ? ready_left : not_ready_left;
      if (left == 0) continue;
      --left;
      auto* target = address.ready ? subset->add_addresses() : subset->add_notreadyaddresses();
      target->ParseFromString(address.serialized);
    }
    for (const auto& port : entry.second) subset->add_ports()->ParseFromString(port);
  }
  return total > kAddressesMax;
}

}  // namespace wherry::controllers::endpoints
