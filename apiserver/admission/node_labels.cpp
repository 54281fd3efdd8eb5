#include "apiserver/admission/node_labels.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace wherry::apiserver::admission {

namespace {

// Labels a node may set on itself, and prefixes below all of which it may.
constexpr std::array<std::string_view, 11> kOwnLabels = {"kubernetes.io/hostname",
                                                         "topology.kubernetes.io/zone",
                                                         "topology.kubernetes.io/region",
                                                         "failure-domain.beta.kubernetes.io/zone",
                                                         "failure-domain.beta.kubernetes.io/region",
                                                         "beta.kubernetes.io/instance-type",
                                                         "node.kubernetes.io/instance-type",
                                                         "kubernetes.io/os",
                                                         "kubernetes.io/arch",
                                                         "beta.kubernetes.io/os",
                                                         "beta.kubernetes.io/arch"};
constexpr std::array<std::string_view, 2> kOwnPrefixes = {"kubelet.kubernetes.io",
                                                          "node.kubernetes.io"};

// "a.b" is within "a.b" and "x.a.b".
bool IsWithin(std::string_view prefix, std::string_view domain) {
  if (!prefix.ends_with(domain)) return false;
  prefix.remove_suffix(domain.size());
  return prefix.empty() || prefix.ends_with('.');
}

bool IsForbidden(std::string_view label) {
  const size_t slash = label.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view prefix = label.substr(0, slash);
  if (IsWithin(prefix, "node-restriction.kubernetes.io")) return true;
  if (!IsWithin(prefix, "kubernetes.io") && !IsWithin(prefix, "k8s.io")) return false;
  return std::find(kOwnLabels.begin(), kOwnLabels.end(), label) == kOwnLabels.end() &&
         std::none_of(kOwnPrefixes.begin(), kOwnPrefixes.end(),
                      [prefix](std::string_view own) { return IsWithin(prefix, own); });
}

}  // namespace

std::vector<std::string> ForbiddenNodeLabels(const api::LabelMap& after,
                                             const api::LabelMap& before) {
  std::set<std::string> forbidden;
  auto collect = [&forbidden](const api::LabelMap& one, const api::LabelMap& other) {
    for (const auto& [label, value] : one) {
      auto same = other.find(label);
      const bool changed = same == other.end() || same->second != value;
      if (changed && IsForbidden(label)) forbidden.insert(label);
    }
  };
  collect(after, before);
  collect(before, after);
  return {forbidden.begin(), forbidden.end()};
}

}  // namespace wherry::apiserver::admission
