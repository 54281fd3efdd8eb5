#include "scheduler/framework/node_info.h"

#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::scheduler::framework {

namespace core = api::core::v1;

PodInfo::PodInfo(PodPtr object)
    : pod(std::move(object)),
      request(PodRequest(*pod)),
      scoring_request(PodRequestForScoring(*pod)),
      affinity(PodAffinityOf(*pod)) {}

bool PodInfo::MayBeHelpedBy(const PodInfo* placed) const {
  const auto& constraints = pod->spec().topologyspreadconstraints();
  const bool spreads = std::any_of(constraints.begin(), constraints.end(), [](const auto& each) {
    return each.whenunsatisfiable() == "DoNotSchedule";
  });
  const bool depends =
      affinity != nullptr && (!affinity->required.empty() || !affinity->required_anti.empty());
  if (placed == nullptr) return spreads || depends;
  if (spreads && placed->pod->metadata().namespace_() == pod->metadata().namespace_()) return true;
  if (affinity == nullptr) return false;
  return std::any_of(affinity->required.begin(), affinity->required.end(),
                     [placed](const AffinityTermPtr& term) {
                       return term->selector.MatchesBy(LabelsOf(*placed->pod));
                     });
}

bool HostPort::ConflictsWith(const HostPort& other) const {
  if (port != other.port || protocol != other.protocol) return false;
  return ip == other.ip || ip == "0.0.0.0" || other.ip == "0.0.0.0";
}

std::vector<HostPort> HostPortsOf(const core::Pod& pod) {
  std::vector<HostPort> ports;
  for (const core::Container& container : pod.spec().containers()) {
    for (const core::ContainerPort& port : container.ports()) {
      if (port.hostport() == 0) continue;
      ports.push_back({.ip = port.hostip().empty() ? "0.0.0.0" : port.hostip(),
                       .protocol = port.protocol().empty() ? "TCP" : port.protocol(),
                       .port = port.hostport()});
    }
  }
  return ports;
}

void NodeInfo::SetNode(NodePtr node) {
  node_ = std::move(node);
  allocatable_ = {};
  if (node_ == nullptr) return;
  name_ = node_->metadata().name();
  allocatable_ = AllocatableOf(*node_);
}

void NodeInfo::AddPod(PodInfoPtr pod) {
  requested_ += pod->request;
  requested_for_scoring_ += pod->scoring_request;
  for (HostPort& port : HostPortsOf(*pod->pod)) host_ports_.push_back(std::move(port));
  pods_.push_back(std::move(pod));
}

void NodeInfo::RemoveNominated(std::string_view uid) {
  std::erase_if(nominated_,
                [uid](const PodInfoPtr& pod) { return pod->pod->metadata().uid() == uid; });
}

PodInfoPtr NodeInfo::RemovePod(std::string_view uid) {
  auto found = std::find_if(pods_.begin(), pods_.end(), [uid](const PodInfoPtr& pod) {
    return pod->pod->metadata().uid() == uid;
  });
  if (found == pods_.end()) return nullptr;
  PodInfoPtr removed = std::move(*found);
  requested_ -= removed->request;
  requested_for_scoring_ -= removed->scoring_request;
  pods_.erase(found);
  host_ports_.clear();
  for (const PodInfoPtr& pod : pods_) {
    for (HostPort& port : HostPortsOf(*pod->pod)) host_ports_.push_back(std::move(port));
  }
  return removed;
}

}  // namespace wherry::scheduler::framework
