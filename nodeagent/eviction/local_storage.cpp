#include "nodeagent/eviction/local_storage.h"

#include "lib/api/quantity.h"
#include "nodeagent/stats/summary.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <cstdint>

namespace wherry::nodeagent::eviction {

namespace {

constexpr const char* kEphemeralStorage = "ephemeral-storage";

// nullopt when it has none.
std::optional<api::Quantity> LimitOf(const lifecycle::Container& container) {
  const auto& limits = container.resources().limits();
  auto found = limits.find(kEphemeralStorage);
  if (found == limits.end()) return std::nullopt;
  return api::Quantity::From(found->second);
}

bool Exceeds(uint64_t used, const api::Quantity& limit) {
  return used > static_cast<uint64_t>(std::max<int64_t>(0, limit.Value()));
}

std::optional<std::string> EmptyDirLimit(const stats::PodSample& sample) {
  for (const auto& volume : sample.pod->spec().volumes()) {
    const auto& source = volume.volumesource();
    auto used = sample.disk->empty_dirs.find(volume.name());
    if (!source.emptydir().has_sizelimit() || used == sample.disk->empty_dirs.end()) continue;
    const api::Quantity limit = api::Quantity::From(source.emptydir().sizelimit());
    if (limit.Value() > 0 && Exceeds(used->second.bytes, limit))
      return "Usage of EmptyDir volume \"" + volume.name() + "\" exceeds the limit \"" +
             limit.String() + "\". ";
  }
  return std::nullopt;
}

std::optional<std::string> PodLimit(const stats::PodSample& sample) {
  int64_t sum = 0;
  bool any = false;
  for (const auto& container : sample.pod->spec().containers()) {
    const auto limit = LimitOf(container);
    if (!limit) continue;
    any = true;
    sum += limit->Value();
  }
  for (const auto& container : sample.pod->spec().initcontainers()) {
    const auto limit = LimitOf(container);
    if (!limit) continue;
    any = true;
    sum = std::max(sum, limit->Value());
  }
  const api::Quantity total = api::Quantity::FromValue(sum, api::Quantity::Format::kBinarySI);
  if (!any || !Exceeds(stats::EphemeralStorage(sample).bytes, total)) return std::nullopt;
  return "Pod ephemeral local storage usage exceeds the total limit of containers " +
         total.String() + ". ";
}

std::optional<std::string> ContainerLimit(const stats::PodSample& sample) {
  for (const auto& usage : sample.usage.containers) {
    const lifecycle::Container* container = lifecycle::FindContainer(*sample.pod, usage.name);
    const auto limit = container ? LimitOf(*container) : std::nullopt;
    if (!limit) continue;
    uint64_t used = usage.writable_layer ? usage.writable_layer->bytes : 0;
    if (auto logs = sample.disk->logs.find(usage.name); logs != sample.disk->logs.end())
      used += logs->second.bytes;
    if (Exceeds(used, *limit))
      return "Container " + usage.name + " exceeded its local ephemeral storage limit \"" +
             limit->String() + "\". ";
  }
  return std::nullopt;
}

}  // namespace

bool HasStorageLimits(const lifecycle::Pod& pod) {
  for (const auto& volume : pod.spec().volumes())
    if (volume.volumesource().emptydir().has_sizelimit()) return true;
  for (const auto* list : {&pod.spec().containers(), &pod.spec().initcontainers()})
    for (const auto& container : *list)
      if (LimitOf(container)) return true;
  return false;
}

std::optional<std::string> ExceededStorageLimit(const stats::PodSample& sample) {
  if (!sample.disk) return std::nullopt;
  if (auto why = EmptyDirLimit(sample)) return why;
  if (auto why = PodLimit(sample)) return why;
  return ContainerLimit(sample);
}

}  // namespace wherry::nodeagent::eviction
