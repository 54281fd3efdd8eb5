#include "nodeagent/lifecycle/image_manager.h"

#include "lib/api/time.h"
#include "nodeagent/lifecycle/pull_secrets.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::nodeagent::lifecycle {

namespace {

constexpr std::chrono::seconds kShowError{2};

std::string Quoted(const std::string& text) { return "\"" + text + "\""; }

std::string PolicyOf(const Container& container, const images::ImageReference& reference) {
  if (!container.imagepullpolicy().empty()) return container.imagepullpolicy();
  return reference.digest.empty() && reference.tag == "latest" ? "Always" : "IfNotPresent";
}

}  // namespace

ImageManager::ImageManager(World& world, images::ImageService& images,
                           client::EventRecorder& events, const volumes::ObjectSource& objects)
    : world_(world), images_(images), events_(events), objects_(objects) {}

std::optional<images::RegistryAuth> ImageManager::AuthFor(
    const Pod& pod, const images::ImageReference& image) const {
  std::vector<std::string> documents;
  for (const auto& reference : pod.spec().imagepullsecrets()) {
    auto secret = objects_.Secret(pod.metadata().namespace_(), reference.name());
    if (!secret.ok()) continue;
    for (const char* key : {".dockerconfigjson", ".dockercfg"}) {
      auto entry = (*secret)->data().find(key);
      if (entry != (*secret)->data().end()) documents.push_back(entry->second);
    }
  }
  return FindRegistryAuth(documents, image);
}

Task<ImageManager::Outcome> ImageManager::EnsureImageExists(std::shared_ptr<const Pod> pod,
                                                            const Container* container) {
  const std::string field = FieldPath(*pod, container->name());
  const std::string& name = container->image();
  auto event = [&](const char* type, const char* reason, const std::string& message) {
    events_.Event(*pod, type, reason, message, field);
  };
  Outcome outcome;
  auto reference = images::ParseImageReference(name);
  if (!reference.ok()) {
    const std::string message =
        "Failed to apply default image tag " + Quoted(name) + ": " + reference.error().message;
    event("Warning", "InspectFailed", message);
    outcome.failure = {"InvalidImageName", message};
    co_return outcome;
  }
  const std::string policy = PolicyOf(*container, *reference);
  auto present = images_.ImageStatus(name);
  if (present.ok() && policy != "Always") {
    event("Normal", "Pulled", "Container image " + Quoted(name) + " already present on machine");
    outcome.image = std::move(present).value();
    co_return outcome;
  }
  if (policy == "Never") {
    const std::string message =
        "Container image " + Quoted(name) + " is not present with pull policy of Never";
    event("Warning", "ErrImageNeverPull", message);
    outcome.failure = {"ErrImageNeverPull", message};
    co_return outcome;
  }

  const std::string key = pod->metadata().uid() + "_" + name;
  const WallTime due = back_off_.DueSinceUpdate(key);
  if (world_.clock.Now() < due) {
    const std::string message = "Back-off pulling image " + Quoted(name);
    event("Normal", "BackOff", message);
    outcome.failure = {"ImagePullBackOff", message};
    outcome.retry_at = due;
    co_return outcome;
  }
  event("Normal", "Pulling", "Pulling image " + Quoted(name));
  const MonotonicTime begin = world_.loop.MonotonicNow();
  auto pulling = images_.PullImage(name, AuthFor(*pod, *reference));
  auto pulled = co_await std::move(pulling);
  if (!pulled.ok()) {
    const std::string& why = pulled.error().message;
    event("Warning", "Failed", "Failed to pull image " + Quoted(name) + ": " + why);
    event("Warning", "Failed", "Error: ErrImagePull");
    back_off_.Next(key, world_.clock.Now(), world_.clock.Now());
    outcome.failure = {"ErrImagePull", why};
    // The next look turns this into ImagePullBackOff.
    outcome.retry_at = std::min(back_off_.DueSinceUpdate(key), world_.clock.Now() + kShowError);
    co_return outcome;
  }
  back_off_.Forget(key);
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(world_.loop.MonotonicNow() - begin);
  const std::string text = api::FormatDuration(took);
  event("Normal", "Pulled",
        "Successfully pulled image " + Quoted(name) + " in " + text + " (" + text +
            " including waiting)");
  outcome.image = std::move(pulled).value();
  co_return outcome;
}

}  // namespace wherry::nodeagent::lifecycle
