#pragma once

#include "controllers/objects/types.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The replica sets of one deployment: which is the new one, in what order they count, what their
// annotations remember. Drafts are private copies that the planner changes.
namespace wherry::controllers::deployment {

using Draft = std::shared_ptr<appsv1::ReplicaSet>;
using Drafts = std::vector<Draft>;

// Equal but for the pod-template-hash label.
bool SameTemplate(const corev1::PodTemplateSpec& left, const corev1::PodTemplateSpec& right);

// The value of pod-template-hash: FNV-1a (32 bits) over the template's canonical JSON and
// `collision_count`, written with the alphabet of generated names. The same template hashes alike
// in every process.
std::string TemplateHash(const corev1::PodTemplateSpec& template_spec,
                         std::optional<int32_t> collision_count);

// The oldest set with the deployment's template, null when there is none.
Draft FindNewReplicaSet(const appsv1::Deployment& deployment, const Drafts& sets);

bool IsActive(const Draft& set);  // not null, and spec.replicas above zero
Drafts Active(const Drafts& sets);

int32_t SpecReplicas(const Drafts& sets);
int32_t AvailableReplicas(const Drafts& sets);
// The same, but pods that a set has been told to give up do not count, although its status may.
int32_t LastingReplicas(const Drafts& sets);

// The only active set, or with none active the newest; null when several are active.
Draft FindActiveOrLatest(const Draft& new_set, const Drafts& old_sets);
// It has all the replicas the deployment wants, knows so, and all are available.
bool IsSaturated(const appsv1::Deployment& deployment, const Draft& set);

// Sorting. Ties fall to the name.
void SortOldestFirst(Drafts& sets);
void SortNewestFirst(Drafts& sets);
void SortLargestThenNewest(Drafts& sets);
void SortLargestThenOldest(Drafts& sets);
void SortByRevision(Drafts& sets);

// An annotation read as a number; nullopt when absent or none.
std::optional<int64_t> IntAnnotation(const metav1::ObjectMeta& metadata, std::string_view key);
int64_t Revision(const appsv1::ReplicaSet& set);  // 0 when unknown
int64_t MaxRevision(const Drafts& sets);
// The second highest revision, what `kubectl rollout undo` goes back to; 0 when there is none.
int64_t LastRevision(const Drafts& sets);

// Sets the desired-replicas and max-replicas annotations; true when that changed anything.
bool SetReplicasAnnotations(const appsv1::Deployment& deployment, appsv1::ReplicaSet* set);
// Copies the deployment's annotations (not those that belong to one object), raises the revision
// and remembers the ones it had; true when that changed anything.
bool SetNewReplicaSetAnnotations(const appsv1::Deployment& deployment, int64_t new_revision,
                                 bool exists, appsv1::ReplicaSet* set);
// Gives the deployment the annotations of the set it rolls back to.
void SetDeploymentAnnotationsTo(const appsv1::ReplicaSet& set, appsv1::Deployment* deployment);

// The set that a deployment without one for its template must create, sized by `current_total`.
Draft MakeNewReplicaSet(const appsv1::Deployment& deployment, int32_t current_total,
                        int64_t revision);

}  // namespace wherry::controllers::deployment
