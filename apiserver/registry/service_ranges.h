#pragma once

#include "apiserver/registry/service_allocator.h"

#include <cstdint>
#include <memory>
#include <set>
#include <string>

namespace wherry {
class Random;
}

namespace wherry::apiserver::registry {

// The clusterIPs and node ports of one server, in memory: the Services in the store are the truth,
// and Take is called for each of them at start. Loop thread.
class ServiceRanges : public ServiceAllocator {
 public:
  struct Options {
    std::string cidr;  // "10.96.0.0/16", IPv4
    int32_t node_port_min = 30000;
    int32_t node_port_max = 32767;
  };
  // Errors: kBadRequest for a CIDR that is none, or smaller than a /30.
  static Result<std::unique_ptr<ServiceRanges>> Make(Options options, Random& random);

  Result<std::unique_ptr<Reservation>> Reserve(Message& service, const Message* old,
                                               bool dry_run) override;
  std::unique_ptr<Reservation> Release(const Message& service) override;
  // What a stored service holds, taken without questions.
  void Take(const Message& service);

  // The first address: that of the service `kubernetes`.
  std::string FirstAddress() const;

 private:
  class Holding;
  ServiceRanges(Options options, uint32_t network, uint32_t size, Random& random);

  Status ReserveAddress(Message& service, const Message* old, Holding& holding);
  Status ReservePorts(Message& service, const Message* old, Holding& holding);
  Status ReserveHealthCheckPort(Message& service, const Message* old, Holding& holding);
  bool InRange(int32_t port) const;
  std::string NotInRange() const;
  Result<uint32_t> AnyAddress();
  Result<int32_t> AnyPort();

  Options options_;
  uint32_t network_;  // host byte order
  uint32_t size_;
  Random& random_;
  std::set<uint32_t> addresses_;
  std::set<int32_t> ports_;
};

}  // namespace wherry::apiserver::registry
