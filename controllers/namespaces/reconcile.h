#pragma once

#include "controllers/objects/types.h"
#include "lib/loop/loop.h"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace google::protobuf {
class Message;
}

// What is known about a namespace that is being deleted, and what its status says of it.
// Source: upstream pkg/controller/namespace/deletion.
namespace wherry::controllers::namespaces {

inline constexpr char kFinalizer[] = "kubernetes";

// What a sweep over all kinds left behind.
struct Remaining {
  std::map<std::string, int> by_resource;   // "pods." or "deployments.apps" -> objects left
  std::map<std::string, int> by_finalizer;  // finalizer -> objects that carry it
  std::vector<std::string> errors;          // why kinds could not be emptied
  std::chrono::seconds grace{0};            // the longest that a pod may take to end

  void Add(const Remaining& other);
  bool Nothing() const { return by_resource.empty() && errors.empty(); }
};

// Counts `object`, of the kind shown as `resource`, as left behind.
void CountRemaining(const std::string& resource, const google::protobuf::Message& object,
                    Remaining& remaining);

// The namespace with the conditions that tell `remaining`; null when it says so already.
std::shared_ptr<corev1::Namespace> WithConditions(const corev1::Namespace& ns,
                                                  const Remaining& remaining, WallTime now);
// The namespace without our finalizer; null when it carries none.
std::shared_ptr<corev1::Namespace> Finalized(const corev1::Namespace& ns);

}  // namespace wherry::controllers::namespaces
