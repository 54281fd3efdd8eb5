#include "nodeagent/eviction/image_garbage.h"

#include <algorithm>
#include <chrono>
#include <tuple>

namespace wherry::nodeagent::eviction {

namespace {

constexpr int64_t kHighPercent = 85;
constexpr int64_t kLowPercent = 80;
constexpr std::chrono::minutes kAgeMin{2};

}  // namespace

int64_t ImageBytesToFree(int64_t capacity_bytes, int64_t available_bytes) {
  const int64_t percent_bytes = capacity_bytes / 100;
  if (percent_bytes <= 0 || available_bytes > percent_bytes * (100 - kHighPercent)) return 0;
  return std::max<int64_t>(0, percent_bytes * (100 - kLowPercent) - available_bytes);
}

std::vector<std::string> ImageGarbage::Choose(const std::vector<images::Image>& images,
                                              const std::set<std::string>& in_use,
                                              int64_t bytes_to_free, WallTime now) {
  std::set<std::string> present;
  std::vector<const images::Image*> candidates;
  for (const auto& image : images) {
    if (!present.insert(image.id).second) continue;
    Record& record = records_.try_emplace(image.id, Record{.first_seen = now}).first->second;
    if (in_use.contains(image.id)) {
      record.last_used = now;
    } else if (!image.repo_digests.empty() && now - record.first_seen >= kAgeMin) {
      candidates.push_back(&image);
    }
  }
  std::erase_if(records_, [&](const auto& entry) { return !present.contains(entry.first); });
  std::ranges::sort(candidates, {}, [this](const images::Image* image) {
    const Record& record = records_[image->id];
    return std::tuple(record.last_used, record.first_seen, image->id);
  });
  std::vector<std::string> chosen;
  for (const images::Image* image : candidates) {
    if (bytes_to_free <= 0) break;
    bytes_to_free -= image->size_bytes;
    chosen.push_back(image->id);
  }
  return chosen;
}

}  // namespace wherry::nodeagent::eviction
