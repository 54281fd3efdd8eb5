#pragma once

#include "lib/client/api_client.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"

#include <map>
#include <string>
#include <string_view>

namespace wherry::client {

// Writes core/v1 Events about objects, as `kubectl describe` shows them. client-go's tools/record.
//
// Repeats of the same event within ten minutes become one Event with a higher count (PATCH). Fire
// and forget: a write that fails is retried a few times, then dropped with a log line; at most
// 1,000 wait. Loop thread.
class EventRecorder {
 public:
  // `component` ("kubelet", "default-scheduler") and `host` fill source and
  // reportingComponent/Instance.
  EventRecorder(World& world, ApiClient& client, std::string component, std::string host = "");
  ~EventRecorder();

  // `type` is "Normal" or "Warning"; `field_path` fills involvedObject.fieldPath
  // ("spec.containers{web}").
  void Event(const google::protobuf::Message& regarding, std::string_view type,
             std::string_view reason, std::string_view message, std::string_view field_path = "");

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace wherry::client
