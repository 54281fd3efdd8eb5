#include "controllers/endpointslicemirroring/reconcile.h"

#include "controllers/objects/pod_state.h"
#include "controllers/objects/slices.h"
#include "lib/api/codec.h"
#include "lib/api/object_meta.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/discovery/v1.pb.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace wherry::controllers::endpointslicemirroring {
namespace {

using Slice = discoveryv1::EndpointSlice;
using SlicePtr = std::shared_ptr<Slice>;

constexpr int kEndpointsPerSliceMax = 1000;
constexpr char kLeaderElection[] = "control-plane.alpha.kubernetes.io/leader";
constexpr std::array<std::string_view, 2> kAnnotationsLeftBehind = {
    "endpoints.kubernetes.io/last-change-trigger-time",
    "kubectl.kubernetes.io/last-applied-configuration"};

bool ShouldMirror(const State& state) {
  if (!state.endpoints || !state.service || IsBeingDeleted(state.endpoints->metadata()))
    return false;
  if (!state.service->spec().selector().empty()) return false;
  const auto& meta = state.endpoints->metadata();
  const auto skip = meta.labels().find(kSkipMirror);
  if (skip != meta.labels().end() && skip->second == "true") return false;
  return !meta.annotations().contains(kLeaderElection);
}

SlicePtr MakeSlice(const corev1::Endpoints& endpoints, const corev1::EndpointSubset& subset,
                   const std::string& address_type) {
  auto slice = std::make_shared<Slice>();
  auto* meta = slice->mutable_metadata();
  meta->set_generatename(endpoints.metadata().name() + "-");
  meta->set_namespace_(endpoints.metadata().namespace_());
  *meta->mutable_labels() = endpoints.metadata().labels();
  (*meta->mutable_labels())[kServiceName] = endpoints.metadata().name();
  (*meta->mutable_labels())[kManagedBy] = kControllerName;
  *meta->mutable_annotations() = endpoints.metadata().annotations();
  for (const auto& key : kAnnotationsLeftBehind)
    meta->mutable_annotations()->erase(std::string(key));
  api::SetControllerReference(endpoints, meta);
  slice->set_addresstype(address_type);
  for (const auto& port : subset.ports()) {
    auto* copy = slice->add_ports();
    copy->set_name(port.name());
    copy->set_port(port.port());
    copy->set_protocol(port.protocol().empty() ? "TCP" : port.protocol());
    if (port.has_appprotocol()) copy->set_appprotocol(port.appprotocol());
  }
  return slice;
}

void AddEndpoint(const corev1::EndpointAddress& address, bool ready, Slice* slice) {
  auto* endpoint = slice->add_endpoints();
  endpoint->add_addresses(address.ip());
  endpoint->mutable_conditions()->set_ready(ready);
  if (!address.hostname().empty()) endpoint->set_hostname(address.hostname());
  if (address.has_nodename()) endpoint->set_nodename(address.nodename());
  if (address.has_targetref()) *endpoint->mutable_targetref() = address.targetref();
}

// The slices as they should be: one per subset and address family, cut at the bound.
std::vector<SlicePtr> Desired(const corev1::Endpoints& endpoints) {
  std::vector<SlicePtr> slices;
  for (const auto& subset : endpoints.subsets()) {
    for (const std::string address_type : {"IPv4", "IPv6"}) {
      SlicePtr slice;
      const auto add = [&](const corev1::EndpointAddress& address, bool ready) {
        const bool v6 = address.ip().find(':') != std::string::npos;
        if (v6 != (address_type == "IPv6")) return;
        if (!slice || slice->endpoints_size() == kEndpointsPerSliceMax) {
          slice = MakeSlice(endpoints, subset, address_type);
          slices.push_back(slice);
        }
        AddEndpoint(address, ready, slice.get());
      };
      for (const auto& address : subset.addresses()) add(address, true);
      for (const auto& address : subset.notreadyaddresses()) add(address, false);
    }
  }
  return slices;
}

// What clients see, without what the server adds.
std::string Content(const Slice& slice) {
  Slice copy = slice;
  auto* meta = copy.mutable_metadata();
  const auto labels = meta->labels();
  const auto annotations = meta->annotations();
  meta->Clear();
  *meta->mutable_labels() = labels;
  *meta->mutable_annotations() = annotations;
  return api::ToJson(copy);
}

}  // namespace

Actions Reconcile(const State& state) {
  Actions actions;
  std::vector<SlicePtr> desired;
  if (ShouldMirror(state)) desired = Desired(*state.endpoints);

  // Slices that are right stay; the rest are rewritten, in any order, as far as they serve.
  for (const auto& slice : state.slices) {
    const auto same = std::find_if(desired.begin(), desired.end(), [&](const SlicePtr& wanted) {
      return Content(*wanted) == Content(*slice);
    });
    if (same != desired.end()) {
      desired.erase(same);
    } else {
      actions.remove.push_back(slice);
    }
  }
  for (auto& wanted : desired) {
    const auto reusable =
        std::find_if(actions.remove.begin(), actions.remove.end(), [&](const auto& slice) {
          return slice->addresstype() == wanted->addresstype() &&
                 api::IsControlledBy(slice->metadata(), state.endpoints->metadata().uid());
        });
    if (reusable == actions.remove.end()) {
      actions.create.push_back(std::move(wanted));
      continue;
    }
    auto update = std::make_shared<Slice>(**reusable);
    *update->mutable_metadata()->mutable_labels() = wanted->metadata().labels();
    *update->mutable_metadata()->mutable_annotations() = wanted->metadata().annotations();
    *update->mutable_ports() = wanted->ports();
    *update->mutable_endpoints() = wanted->endpoints();
    actions.update.push_back(std::move(update));
    actions.remove.erase(reusable);
  }
  return actions;
}

}  // namespace wherry::controllers::endpointslicemirroring
