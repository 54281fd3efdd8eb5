#include "controllers/deployment/replica_sets.h"

#include "controllers/deployment/names.h"
#include "controllers/deployment/sizing.h"
#include "lib/api/codec.h"
#include "lib/api/object_meta.h"
#include "proto/api/apps/v1.pb.h"

#include <algorithm>
#include <charconv>
#include <tuple>

namespace wherry::controllers::deployment {
namespace {

std::string CanonicalTemplate(corev1::PodTemplateSpec copy) {
  copy.mutable_metadata()->mutable_labels()->erase(kPodTemplateHash);
  return api::ToJson(copy);
}

auto Age(const Draft& set) {
  return std::tuple(set->metadata().creationtimestamp().seconds(),
                    std::string_view(set->metadata().name()));
}

}  // namespace

bool SameTemplate(const corev1::PodTemplateSpec& left, const corev1::PodTemplateSpec& right) {
  return CanonicalTemplate(left) == CanonicalTemplate(right);
}

std::string TemplateHash(const corev1::PodTemplateSpec& template_spec,
                         std::optional<int32_t> collision_count) {
  std::string input = api::ToJson(template_spec);
  if (collision_count) {
    const auto count = static_cast<uint32_t>(*collision_count);
    for (int byte = 0; byte < 8; ++byte)
      input.push_back(byte < 4 ? static_cast<char>(count >> (8 * byte) & 0xff) : '\0');
  }
  uint32_t hash = 2166136261;
  for (const char c : input) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
  constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::string encoded = std::to_string(hash);
  for (char& c : encoded) c = kAlphabet[static_cast<unsigned char>(c) % kAlphabet.size()];
  return encoded;
}

Draft FindNewReplicaSet(const appsv1::Deployment& deployment, const Drafts& sets) {
  Drafts sorted = sets;
  SortOldestFirst(sorted);
  const std::string wanted = CanonicalTemplate(deployment.spec().template_());
  for (const auto& set : sorted) {
    if (CanonicalTemplate(set->spec().template_()) == wanted) return set;
  }
  return nullptr;
}

bool IsActive(const Draft& set) { return set != nullptr && set->spec().replicas() > 0; }

Drafts Active(const Drafts& sets) {
  Drafts active;
  std::copy_if(sets.begin(), sets.end(), std::back_inserter(active), IsActive);
  return active;
}

int32_t SpecReplicas(const Drafts& sets) {
  int32_t total = 0;
  for (const auto& set : sets) total += set ? set->spec().replicas() : 0;
  return total;
}

int32_t AvailableReplicas(const Drafts& sets) {
  int32_t total = 0;
  for (const auto& set : sets) total += set ? set->status().availablereplicas() : 0;
  return total;
}

int32_t LastingReplicas(const Drafts& sets) {
  int32_t total = 0;
  for (const auto& set : sets)
    total += set ? std::min(set->status().availablereplicas(), set->spec().replicas()) : 0;
  return total;
}

Draft FindActiveOrLatest(const Draft& new_set, const Drafts& old_sets) {
  Drafts all = old_sets;
  if (new_set) all.push_back(new_set);
  const Drafts active = Active(all);
  if (active.size() > 1) return nullptr;
  if (active.size() == 1) return active[0];
  if (new_set || all.empty()) return new_set;
  SortNewestFirst(all);
  return all[0];
}

bool IsSaturated(const appsv1::Deployment& deployment, const Draft& set) {
  if (!set) return false;
  const int32_t wanted = deployment.spec().replicas();
  return IntAnnotation(set->metadata(), kDesiredReplicas) == wanted &&
         set->spec().replicas() == wanted && set->status().availablereplicas() == wanted;
}

void SortOldestFirst(Drafts& sets) {
  std::sort(sets.begin(), sets.end(),
            [](const Draft& a, const Draft& b) { return Age(a) < Age(b); });
}

void SortNewestFirst(Drafts& sets) {
  std::sort(sets.begin(), sets.end(),
            [](const Draft& a, const Draft& b) { return Age(b) < Age(a); });
}

void SortLargestThenNewest(Drafts& sets) {
  std::sort(sets.begin(), sets.end(), [](const Draft& a, const Draft& b) {
    return std::tuple(b->spec().replicas(), Age(b)) < std::tuple(a->spec().replicas(), Age(a));
  });
}

void SortLargestThenOldest(Drafts& sets) {
  std::sort(sets.begin(), sets.end(), [](const Draft& a, const Draft& b) {
    return std::tuple(-a->spec().replicas(), Age(a)) < std::tuple(-b->spec().replicas(), Age(b));
  });
}

void SortByRevision(Drafts& sets) {
  std::sort(sets.begin(), sets.end(), [](const Draft& a, const Draft& b) {
    return std::tuple(Revision(*a), Age(a)) < std::tuple(Revision(*b), Age(b));
  });
}

std::optional<int64_t> IntAnnotation(const metav1::ObjectMeta& metadata, std::string_view key) {
  const auto it = metadata.annotations().find(std::string(key));
  if (it == metadata.annotations().end()) return std::nullopt;
  const std::string& text = it->second;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

int64_t Revision(const appsv1::ReplicaSet& set) {
  return IntAnnotation(set.metadata(), kRevision).value_or(0);
}

int64_t MaxRevision(const Drafts& sets) {
  int64_t max = 0;
  for (const auto& set : sets) max = std::max(max, Revision(*set));
  return max;
}

int64_t LastRevision(const Drafts& sets) {
  int64_t max = 0;
  int64_t second = 0;
  for (const auto& set : sets) {
    const int64_t revision = Revision(*set);
    if (revision >= max) {
      second = max;
      max = revision;
    } else {
      second = std::max(second, revision);
    }
  }
  return second;
}

Draft MakeNewReplicaSet(const appsv1::Deployment& deployment, int32_t current_total,
                        int64_t revision) {
  std::optional<int32_t> collisions;
  if (deployment.status().has_collisioncount()) collisions = deployment.status().collisioncount();
  const std::string hash = TemplateHash(deployment.spec().template_(), collisions);

  auto set = std::make_shared<appsv1::ReplicaSet>();
  auto* spec = set->mutable_spec();
  *spec->mutable_template_() = deployment.spec().template_();
  (*spec->mutable_template_()->mutable_metadata()->mutable_labels())[kPodTemplateHash] = hash;
  *spec->mutable_selector() = deployment.spec().selector();
  (*spec->mutable_selector()->mutable_matchlabels())[kPodTemplateHash] = hash;
  spec->set_replicas(NewReplicaSetSize(deployment, current_total, 0));
  if (deployment.spec().minreadyseconds() != 0)
    spec->set_minreadyseconds(deployment.spec().minreadyseconds());

  auto* meta = set->mutable_metadata();
  meta->set_name(deployment.metadata().name() + "-" + hash);  // the same at every try
  meta->set_namespace_(deployment.metadata().namespace_());
  *meta->mutable_labels() = spec->template_().metadata().labels();
  api::SetControllerReference(deployment, meta);
  SetNewReplicaSetAnnotations(deployment, revision, false, set.get());
  return set;
}

}  // namespace wherry::controllers::deployment
