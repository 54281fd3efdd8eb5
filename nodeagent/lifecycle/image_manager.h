#pragma once

#include "lib/client/event_recorder.h"
#include "lib/loop/task.h"
#include "lib/loop/world.h"
#include "nodeagent/images/image_service.h"
#include "nodeagent/lifecycle/backoff.h"
#include "nodeagent/lifecycle/pod_facts.h"
#include "nodeagent/lifecycle/pod_status.h"
#include "nodeagent/volumes/object_source.h"

#include <memory>
#include <optional>
#include <string>

namespace wherry::nodeagent::lifecycle {

// Makes a container's image present by its pull policy, with a back-off of 10 s doubling to 5 min
// per pod and image, and says so in events. Loop thread. Source: kubelet images/image_manager.go.
class ImageManager {
 public:
  ImageManager(World& world, images::ImageService& images, client::EventRecorder& events,
               const volumes::ObjectSource& objects);

  struct Outcome {
    std::optional<images::Image> image;
    StartFailure failure;              // when there is no image
    std::optional<WallTime> retry_at;  // a later try may succeed
  };
  Task<Outcome> EnsureImageExists(std::shared_ptr<const Pod> pod, const Container* container);

 private:
  std::optional<images::RegistryAuth> AuthFor(const Pod& pod,
                                              const images::ImageReference& image) const;

  World& world_;
  images::ImageService& images_;
  client::EventRecorder& events_;
  const volumes::ObjectSource& objects_;
  BackOff back_off_{std::chrono::seconds(10), std::chrono::seconds(300)};
};

}  // namespace wherry::nodeagent::lifecycle
