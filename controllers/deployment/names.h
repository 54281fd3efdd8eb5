#pragma once

// Annotations, labels, condition types and reasons that clients (kubectl rollout, helm --wait)
// read. Source: upstream pkg/controller/deployment/util/deployment_util.go.
namespace wherry::controllers::deployment {

inline constexpr char kPodTemplateHash[] = "pod-template-hash";

inline constexpr char kRevision[] = "deployment.kubernetes.io/revision";
inline constexpr char kRevisionHistory[] = "deployment.kubernetes.io/revision-history";
inline constexpr char kDesiredReplicas[] = "deployment.kubernetes.io/desired-replicas";
inline constexpr char kMaxReplicas[] = "deployment.kubernetes.io/max-replicas";
inline constexpr char kRollbackTo[] = "deprecated.deployment.rollback.to";
inline constexpr char kLastApplied[] = "kubectl.kubernetes.io/last-applied-configuration";

inline constexpr char kAvailable[] = "Available";
inline constexpr char kProgressing[] = "Progressing";
inline constexpr char kReplicaFailure[] = "ReplicaFailure";

inline constexpr char kReplicaSetUpdated[] = "ReplicaSetUpdated";
inline constexpr char kReplicaSetCreateError[] = "ReplicaSetCreateError";
inline constexpr char kNewReplicaSetCreated[] = "NewReplicaSetCreated";
inline constexpr char kFoundNewReplicaSet[] = "FoundNewReplicaSet";
inline constexpr char kNewReplicaSetAvailable[] = "NewReplicaSetAvailable";
inline constexpr char kProgressDeadlineExceeded[] = "ProgressDeadlineExceeded";
inline constexpr char kDeploymentPaused[] = "DeploymentPaused";
inline constexpr char kDeploymentResumed[] = "DeploymentResumed";
inline constexpr char kMinimumReplicasAvailable[] = "MinimumReplicasAvailable";
inline constexpr char kMinimumReplicasUnavailable[] = "MinimumReplicasUnavailable";

inline constexpr char kRollbackRevisionNotFound[] = "DeploymentRollbackRevisionNotFound";
inline constexpr char kRollbackTemplateUnchanged[] = "DeploymentRollbackTemplateUnchanged";
inline constexpr char kRollbackDone[] = "DeploymentRollback";

}  // namespace wherry::controllers::deployment
