#include "apiserver/registry/service_ranges.h"

#include "apiserver/registry/service_families.h"
#include "lib/loop/world.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/meta/v1.pb.h"

#include <arpa/inet.h>

#include <charconv>
#include <optional>
#include <vector>

namespace wherry::apiserver::registry {

using api::core::v1::Service;
using api::field::Path;

namespace {

std::optional<uint32_t> ParseAddress(const std::string& text) {
  in_addr address{};
  if (inet_pton(AF_INET, text.c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

std::string FormatAddress(uint32_t address) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) {
    if (!text.empty()) text += '.';
    text += std::to_string((address >> shift) & 0xff);
  }
  return text;
}

bool NeedsAddress(const Service& service) {
  const std::string& type = service.spec().type();
  return type != "ExternalName" && service.spec().clusterip() != "None";
}

bool NeedsPorts(const Service& service) {
  const std::string& type = service.spec().type();
  if (type == "NodePort") return true;
  if (type != "LoadBalancer") return false;
  return !service.spec().has_allocateloadbalancernodeports() ||
         service.spec().allocateloadbalancernodeports();
}

bool NeedsHealthCheck(const Service& service) {
  return service.spec().type() == "LoadBalancer" &&
         service.spec().externaltrafficpolicy() == "Local";
}

std::set<int32_t> PortsOf(const Service& service) {
  std::set<int32_t> ports;
  for (const auto& port : service.spec().ports()) {
    if (port.nodeport() != 0) ports.insert(port.nodeport());
  }
  if (service.spec().healthchecknodeport() != 0) {
    ports.insert(service.spec().healthchecknodeport());
  }
  return ports;
}

Error InvalidService(const Service& service, const Path& path, const api::field::BadValue& value,
                     std::string_view detail) {
  api::field::ErrorList errors;
  errors.Invalid(path, value, detail);
  return errors.ToError("", "Service", service.metadata().name());
}

Error InvalidAddress(const Service& service, const std::string& why) {
  const std::string& address = service.spec().clusterip();
  return InvalidService(service, Path("spec").Child("clusterIPs"),
                        api::field::BadValue::Raw("[]string{\"" + address + "\"}"),
                        "failed to allocate IP " + address + ": " + why);
}

}  // namespace

// What one write has taken, and what it lets go when it succeeds.
class ServiceRanges::Holding : public Reservation {
 public:
  explicit Holding(ServiceRanges& ranges) : ranges_(ranges) {}
  ~Holding() override {
    for (uint32_t address : addresses_) ranges_.addresses_.erase(address);
    for (int32_t port : ports_) ranges_.ports_.erase(port);
  }
  bool TakeAddress(uint32_t address) {
    if (!ranges_.addresses_.insert(address).second) return false;
    addresses_.push_back(address);
    return true;
  }
  bool TakePort(int32_t port) {
    if (!ranges_.ports_.insert(port).second) return false;
    ports_.push_back(port);
    return true;
  }
  void ReleaseLater(const Service& old, const Service& service) {
    auto address = ParseAddress(old.spec().clusterip());
    if (address && old.spec().clusterip() != service.spec().clusterip()) {
      old_addresses_.push_back(*address);
    }
    std::set<int32_t> kept = PortsOf(service);
    for (int32_t port : PortsOf(old)) {
      if (!kept.contains(port)) old_ports_.push_back(port);
    }
  }
  void Commit() override {
    addresses_ = std::move(old_addresses_);
    ports_ = std::move(old_ports_);
  }

 private:
  ServiceRanges& ranges_;
  std::vector<uint32_t> addresses_;  // given back when this goes
  std::vector<int32_t> ports_;
  std::vector<uint32_t> old_addresses_;
  std::vector<int32_t> old_ports_;
};

ServiceRanges::ServiceRanges(Options options, uint32_t network, uint32_t size, Random& random)
    : options_(std::move(options)), network_(network), size_(size), random_(random) {}

Result<std::unique_ptr<ServiceRanges>> ServiceRanges::Make(Options options, Random& random) {
  size_t slash = options.cidr.find('/');
  auto network = ParseAddress(options.cidr.substr(0, slash));
  unsigned bits = 0;
  if (slash != std::string::npos) {
    const char* end = options.cidr.data() + options.cidr.size();
    auto parsed = std::from_chars(options.cidr.data() + slash + 1, end, bits);
    if (parsed.ec != std::errc() || parsed.ptr != end) bits = 0;
  }
  constexpr unsigned kLongestPrefix = 30;
  constexpr unsigned kShortestPrefix = 8;
  if (!network || bits < kShortestPrefix || bits > kLongestPrefix) {
    return MakeError(Reason::kBadRequest,
                     "service CIDR '" + options.cidr + "' is not an IPv4 range of /8 to /30");
  }
  uint32_t size = uint32_t{1} << (32 - bits);
  return std::unique_ptr<ServiceRanges>(
      new ServiceRanges(std::move(options), *network & ~(size - 1), size, random));
}

std::string ServiceRanges::FirstAddress() const { return FormatAddress(network_ + 1); }

Result<uint32_t> ServiceRanges::AnyAddress() {
  // Not the network, the first (kubernetes), or the broadcast address.
  uint32_t usable = size_ - 3;
  if (addresses_.size() >= usable) return MakeError(Reason::kInternalError, "range is full");
  uint32_t offset = static_cast<uint32_t>(random_.Below(usable));
  for (uint32_t i = 0; i < usable; ++i) {
    uint32_t address = network_ + 2 + (offset + i) % usable;
    if (!addresses_.contains(address)) return address;
  }
  return MakeError(Reason::kInternalError, "range is full");
}

Result<int32_t> ServiceRanges::AnyPort() {
  auto count = static_cast<uint64_t>(options_.node_port_max - options_.node_port_min + 1);
  auto offset = random_.Below(count);
  for (uint64_t i = 0; i < count; ++i) {
    int32_t port = options_.node_port_min + static_cast<int32_t>((offset + i) % count);
    if (!ports_.contains(port)) return port;
  }
  return MakeError(Reason::kInternalError, "range is full");
}

bool ServiceRanges::InRange(int32_t port) const {
  return port >= options_.node_port_min && port <= options_.node_port_max;
}

std::string ServiceRanges::NotInRange() const {
  return "provided port is not in the valid range. The range of valid ports is " +
         std::to_string(options_.node_port_min) + "-" + std::to_string(options_.node_port_max);
}

Status ServiceRanges::ReserveAddress(Message& message, const Message* old_message,
                                     Holding& holding) {
  auto& service = Typed<Service>(message);
  auto* spec = service.mutable_spec();
  if (spec->clusterip().empty() && spec->clusterips_size() > 0) {
    spec->set_clusterip(spec->clusterips(0));
  }
  if (spec->clusterip() == "None" && spec->clusterips_size() == 0) spec->add_clusterips("None");
  if (!NeedsAddress(service)) return Ok();
  if (old_message != nullptr) {
    const auto& old = Typed<Service>(*old_message);
    bool same = !spec->clusterip().empty() && spec->clusterip() == old.spec().clusterip();
    if (same && NeedsAddress(old)) return Ok();
  }
  if (spec->clusterip().empty()) {
    auto address = AnyAddress();
    if (!address.ok()) {
      return MakeError(Reason::kInternalError,
                       "failed to allocate a serviceIP: " + address.error().message);
    }
    holding.TakeAddress(*address);
    spec->set_clusterip(FormatAddress(*address));
  } else {
    auto address = ParseAddress(spec->clusterip());
    if (!address) return Ok();  // validation says what is wrong
    if (*address <= network_ || *address >= network_ + size_ - 1) {
      return InvalidAddress(service, "the provided IP (" + spec->clusterip() +
                                         ") is not in the valid range. The range of valid IPs is " +
                                         options_.cidr);
    }
    if (!holding.TakeAddress(*address)) {
      return InvalidAddress(service, "provided IP is already allocated");
    }
  }
  if (spec->clusterips_size() == 0) spec->add_clusterips(spec->clusterip());
  return Ok();
}

Status ServiceRanges::ReservePorts(Message& message, const Message* old_message, Holding& holding) {
  auto& service = Typed<Service>(message);
  auto* spec = service.mutable_spec();
  std::set<int32_t> mine;
  if (old_message != nullptr) mine = PortsOf(Typed<Service>(*old_message));
  bool needs = NeedsPorts(service);
  for (int i = 0; i < spec->ports_size(); ++i) {
    auto& port = *spec->mutable_ports(i);
    Path path = Path("spec").Child("ports").Index(static_cast<size_t>(i)).Child("nodePort");
    if (port.nodeport() != 0) {
      if (!needs && spec->type() != "LoadBalancer") continue;  // validation refuses it
      if (mine.contains(port.nodeport())) continue;
      if (!InRange(port.nodeport())) {
        return InvalidService(service, path, port.nodeport(), NotInRange());
      }
      if (!holding.TakePort(port.nodeport())) {
        return InvalidService(service, path, port.nodeport(), "provided port is already allocated");
      }
      mine.insert(port.nodeport());
      continue;
    }
    if (!needs) continue;
    // One number serves the same port over several protocols.
    for (int j = 0; j < i; ++j) {
      const auto& other = spec->ports(j);
      if (other.port() == port.port() && other.protocol() != port.protocol()) {
        port.set_nodeport(other.nodeport());
      }
    }
    if (port.nodeport() != 0) continue;
    TRY(int32_t number, AnyPort());
    holding.TakePort(number);
    mine.insert(number);
    port.set_nodeport(number);
  }
  return Ok();
}

Status ServiceRanges::ReserveHealthCheckPort(Message& message, const Message* old_message,
                                             Holding& holding) {
  auto& service = Typed<Service>(message);
  auto* spec = service.mutable_spec();
  if (!NeedsHealthCheck(service)) return Ok();
  int32_t wanted = spec->healthchecknodeport();
  if (wanted == 0) {
    TRY(wanted, AnyPort());
    holding.TakePort(wanted);
    spec->set_healthchecknodeport(wanted);
    return Ok();
  }
  // It stays while it is needed: validation refuses another.
  if (old_message != nullptr && NeedsHealthCheck(Typed<Service>(*old_message))) return Ok();
  std::string why;
  if (!InRange(wanted)) {
    why = NotInRange();
  } else if (!holding.TakePort(wanted)) {
    why = "provided port is already allocated";
  } else {
    return Ok();
  }
  return MakeError(Reason::kInternalError,
                   "Internal error occurred: failed to allocate requested HealthCheck NodePort " +
                       std::to_string(wanted) + ": " + why);
}

Result<std::unique_ptr<Reservation>> ServiceRanges::Reserve(Message& message,
                                                            const Message* old_message,
                                                            bool /*dry_run*/) {
  auto& service = Typed<Service>(message);
  auto holding = std::make_unique<Holding>(*this);
  TRY_STATUS(CompleteServiceFamilies(
      service, old_message == nullptr ? nullptr : &Typed<Service>(*old_message)));
  TRY_STATUS(ReserveAddress(message, old_message, *holding));
  TRY_STATUS(ReservePorts(message, old_message, *holding));
  TRY_STATUS(ReserveHealthCheckPort(message, old_message, *holding));
  if (old_message != nullptr) {
    holding->ReleaseLater(Typed<Service>(*old_message), service);
  }
  return std::unique_ptr<Reservation>(std::move(holding));
}

std::unique_ptr<Reservation> ServiceRanges::Release(const Message& message) {
  auto holding = std::make_unique<Holding>(*this);
  holding->ReleaseLater(Typed<Service>(message), Service());
  return holding;
}

void ServiceRanges::Take(const Message& message) {
  const auto& service = Typed<Service>(message);
  if (auto address = ParseAddress(service.spec().clusterip())) addresses_.insert(*address);
  for (int32_t port : PortsOf(service)) ports_.insert(port);
}

}  // namespace wherry::apiserver::registry
