#pragma once

#include "controllers/objects/types.h"

#include <map>
#include <string>
#include <vector>

namespace wherry::controllers::endpoints {

// Gathers addresses by port and packs them into subsets: addresses that offer the same ports share
// one. The result depends on the content only, not on the order of insertion.
class SubsetBuilder {
 public:
  // `address` is a core/v1 EndpointAddress in canonical form, `port` null for services without
  // ports.
  void Add(const std::string& ip, const std::string& target_uid, std::string address, bool ready,
           const corev1::EndpointPort* port);
  // Fills `endpoints`; true when addresses beyond kAddressesMax were left out (not ready ones
  // first).
  bool Build(corev1::Endpoints* endpoints) const;

 private:
  struct Address {
    std::string serialized;
    bool ready = true;
  };
  using Addresses = std::map<std::pair<std::string, std::string>, Address>;  // by IP and uid
  std::map<std::string, Addresses> by_port_;                                 // serialized port
};

}  // namespace wherry::controllers::endpoints
