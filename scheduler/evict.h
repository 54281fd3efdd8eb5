#pragma once

#include "lib/client/api_client.h"
#include "lib/client/event_recorder.h"
#include "lib/loop/world.h"
#include "scheduler/preemption/preempt.h"

namespace wherry::scheduler {

// Writes down that `pod` waits for the candidate's node and asks for its victims to be deleted,
// each with the condition DisruptionTarget and an event that say why. What cannot be written is
// logged: the pod tries again. World, client and recorder outlive the task.
Task<void> Evict(World& world, client::ApiClient& client, client::EventRecorder& recorder,
                 framework::PodInfoPtr pod, preemption::Candidate candidate);

// Takes back that a pod waits for a node.
Task<void> ClearNomination(client::ApiClient& client, framework::PodInfoPtr pod);

}  // namespace wherry::scheduler
