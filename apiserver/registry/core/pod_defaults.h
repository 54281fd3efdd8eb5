#pragma once

namespace wherry::api::core::v1 {
class Pod;
class PodSpec;
class PodTemplateSpec;
}  // namespace wherry::api::core::v1

// Defaults of pods that depend on other fields; the static ones are in the Schema.
// Source: pkg/apis/core/v1/defaults.go and conversion.go.
namespace wherry::apiserver::registry {

// What every pod spec gets, in a template too: imagePullPolicy from the image's tag, emptyDir for a
// volume without a source, serviceAccount and serviceAccountName made equal, quantities rounded up
// to thousandths.
void DefaultPodSpec(api::core::v1::PodSpec& spec);
void DefaultPodTemplate(api::core::v1::PodTemplateSpec& pod_template);
// What a pod gets beside that: requests from limits, enableServiceLinks, host ports under
// hostNetwork.
void DefaultPod(api::core::v1::Pod& pod);

// Clears what v1.28 has behind feature gates that are off by default: resource claims, resize
// policies, restartable init containers, user namespaces, procMount.
// Source: pkg/api/pod DropDisabledPodFields.
void DropDisabledPodFields(api::core::v1::PodSpec& spec);

}  // namespace wherry::apiserver::registry
