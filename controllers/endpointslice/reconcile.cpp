#include "controllers/endpointslice/reconcile.h"

#include "controllers/endpointslice/endpoint.h"
#include "controllers/objects/pod_state.h"
#include "controllers/objects/service_pods.h"
#include "controllers/objects/slices.h"
#include "lib/api/object_meta.h"
#include "lib/api/same_labels.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/discovery/v1.pb.h"

#include <algorithm>
#include <map>

namespace wherry::controllers::endpointslice {
namespace {

using Slice = discoveryv1::EndpointSlice;
using SlicePtr = std::shared_ptr<Slice>;
using Labels = google::protobuf::Map<std::string, std::string>;

// Endpoints that belong into slices with the same ports, by identity.
struct PortGroup {
  std::vector<discoveryv1::EndpointPort> ports;
  std::map<std::string, discoveryv1::Endpoint> desired;
  std::vector<EndpointSlicePtr> existing;
};

// The service's own labels, and the three that belong to this controller.
Labels LabelsFor(const corev1::Service& service) {
  Labels labels = service.metadata().labels();
  labels.erase(kHeadless);
  if (IsHeadless(service)) labels[kHeadless] = "";
  labels[kServiceName] = service.metadata().name();
  labels[kManagedBy] = kControllerName;
  return labels;
}

bool OwnedBy(const Slice& slice, const corev1::Service& service) {
  const auto& owners = slice.metadata().ownerreferences();
  return std::any_of(owners.begin(), owners.end(), [&](const auto& owner) {
    return owner.uid() == service.metadata().uid() && owner.kind() == "Service";
  });
}

SlicePtr MakeSlice(const corev1::Service& service, const std::string& address_type,
                   const std::vector<discoveryv1::EndpointPort>& ports) {
  auto slice = std::make_shared<Slice>();
  auto* meta = slice->mutable_metadata();
  meta->set_generatename(service.metadata().name() + "-");
  meta->set_namespace_(service.metadata().namespace_());
  *meta->mutable_labels() = LabelsFor(service);
  api::SetControllerReference(service, meta);
  slice->set_addresstype(address_type);
  for (const auto& port : ports) *slice->add_ports() = port;
  return slice;
}

// Moves endpoints from `desired` into the slice until it is full or none is left.
void Fill(Slice& slice, std::map<std::string, discoveryv1::Endpoint>& desired) {
  while (!desired.empty() && slice.endpoints_size() < kEndpointsPerSliceMax) {
    *slice.add_endpoints() = std::move(desired.begin()->second);
    desired.erase(desired.begin());
  }
}

// The slice that will be fullest with `count` more endpoints, among those with room for them all.
std::vector<EndpointSlicePtr>::iterator BestFit(std::vector<EndpointSlicePtr>& slices,
                                                size_t count) {
  auto best = slices.end();
  for (auto it = slices.begin(); it != slices.end(); ++it) {
    const auto size = static_cast<size_t>((*it)->endpoints_size());
    if (size + count > kEndpointsPerSliceMax) continue;
    if (best == slices.end() || (*it)->endpoints_size() > (*best)->endpoints_size()) best = it;
  }
  return best;
}

void ReconcileGroup(const State& state, const std::string& address_type, PortGroup& group,
                    Actions& actions) {
  const Labels labels = LabelsFor(state.service);
  std::vector<SlicePtr> changed;
  std::vector<EndpointSlicePtr> unchanged;
  // First what is in a slice already: keep, refresh, or drop.
  for (const auto& existing : group.existing) {
    auto slice = std::make_shared<Slice>(*existing);
    slice->clear_endpoints();
    bool differs = !api::SameLabels(existing->metadata().labels(), labels);
    for (const auto& endpoint : existing->endpoints()) {
      const auto wanted = group.desired.find(IdentityOf(endpoint));
      if (wanted == group.desired.end()) {
        differs = true;
        continue;
      }
      differs |= !SameEndpoint(endpoint, wanted->second);
      *slice->add_endpoints() = std::move(wanted->second);
      group.desired.erase(wanted);
    }
    if (slice->endpoints().empty() && !existing->endpoints().empty()) {
      actions.remove.push_back(existing);
    } else if (differs) {
      *slice->mutable_metadata()->mutable_labels() = labels;
      changed.push_back(std::move(slice));
    } else {
      unchanged.push_back(existing);
    }
  }
  // What is left goes into slices that are written anyway, the fullest first,
  std::sort(changed.begin(), changed.end(), [](const SlicePtr& a, const SlicePtr& b) {
    return a->endpoints_size() > b->endpoints_size();
  });
  for (auto& slice : changed) Fill(*slice, group.desired);
  // then all of it into one that is not, else into new ones.
  while (!group.desired.empty()) {
    const auto fit = BestFit(unchanged, group.desired.size());
    if (fit != unchanged.end()) {
      auto slice = std::make_shared<Slice>(**fit);
      unchanged.erase(fit);
      Fill(*slice, group.desired);
      changed.push_back(std::move(slice));
    } else {
      auto slice = MakeSlice(state.service, address_type, group.ports);
      Fill(*slice, group.desired);
      actions.create.push_back(std::move(slice));
    }
  }
  actions.update.insert(actions.update.end(), changed.begin(), changed.end());
}

void ReconcileAddressType(const State& state, const std::string& address_type, Actions& actions) {
  Actions mine;
  size_t existing = 0;
  std::map<std::string, PortGroup> groups;
  for (const auto& slice : state.slices) {
    // One that is being deleted takes its endpoints along; they need another.
    if (slice->addresstype() != address_type || IsBeingDeleted(slice->metadata())) continue;
    ++existing;
    if (OwnedBy(*slice, state.service)) {
      groups[PortsKey(slice->ports())].existing.push_back(slice);
    } else {
      mine.remove.push_back(slice);  // of a deleted service with this name
    }
  }
  for (const auto& pod : state.pods) {
    if (!ShouldPodBeInEndpoints(*pod, true)) continue;
    auto ports = MakePorts(state.service, *pod);
    const NodePtr node = state.node(pod->spec().nodename());
    if (!node && !state.service.spec().publishnotreadyaddresses()) continue;
    auto endpoint = MakeEndpoint(*pod, node.get(), state.service, address_type);
    if (endpoint.addresses().empty()) continue;
    auto& group = groups[PortsKey(ports)];
    group.ports = std::move(ports);
    std::string identity = IdentityOf(endpoint);
    group.desired.insert_or_assign(std::move(identity), std::move(endpoint));
  }
  EndpointSlicePtr placeholder;
  for (auto& [key, group] : groups) {
    if (!group.desired.empty()) {
      ReconcileGroup(state, address_type, group, mine);
      continue;
    }
    for (const auto& slice : group.existing) {
      const bool empty = slice->ports().empty() && slice->endpoints().empty() &&
                         api::SameLabels(slice->metadata().labels(), LabelsFor(state.service));
      if (empty && !placeholder) placeholder = slice;
      mine.remove.push_back(slice);
    }
  }
  // A service without endpoints has one empty slice, so that clients can tell "none" from "not
  // yet".
  if (mine.remove.size() == existing && mine.create.empty()) {
    if (placeholder) {
      std::erase(mine.remove, placeholder);
    } else {
      mine.create.push_back(MakeSlice(state.service, address_type, {}));
    }
  }
  // A creation and a deletion make one update.
  for (auto it = mine.remove.begin(); it != mine.remove.end() && !mine.create.empty();) {
    if (!OwnedBy(**it, state.service)) {
      ++it;
      continue;
    }
    auto slice = std::make_shared<Slice>(**it);
    *slice->mutable_metadata()->mutable_labels() = LabelsFor(state.service);
    *slice->mutable_ports() = mine.create.back()->ports();
    *slice->mutable_endpoints() = mine.create.back()->endpoints();
    mine.update.push_back(std::move(slice));
    mine.create.pop_back();
    it = mine.remove.erase(it);
  }
  const auto append = [](auto& to, auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  append(actions.create, mine.create);
  append(actions.update, mine.update);
  append(actions.remove, mine.remove);
}

}  // namespace

Actions Reconcile(const State& state) {
  Actions actions;
  const auto types = AddressTypes(state.service);
  for (const auto& slice : state.slices) {
    if (IsBeingDeleted(slice->metadata())) continue;
    if (std::find(types.begin(), types.end(), slice->addresstype()) == types.end())
      actions.remove.push_back(slice);
  }
  for (const auto& type : types) ReconcileAddressType(state, type, actions);
  // The garbage collector takes a dying service's slices; new ones would only race with it.
  if (IsBeingDeleted(state.service.metadata())) actions.create.clear();
  return actions;
}

}  // namespace wherry::controllers::endpointslice
