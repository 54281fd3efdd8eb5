#include "scheduler/plugins/imagelocality/plugin.h"

#include "proto/api/core/v1.pb.h"

#include <algorithm>
#include <unordered_map>

namespace wherry::scheduler::plugins {
namespace {

namespace core = api::core::v1;

// Below the first an image is too small to matter, above the second (per container) it counts
// fully. Source: pkg/scheduler/framework/plugins/imagelocality.
constexpr int64_t kSmallBytes = 23LL * 1024 * 1024;
constexpr int64_t kLargeBytes = 1000LL * 1024 * 1024;

std::string WithTag(const std::string& image) {
  const size_t slash = image.rfind('/');
  const size_t name = slash == std::string::npos ? 0 : slash;
  return image.find_first_of(":@", name) == std::string::npos ? image + ":latest" : image;
}

class LocalityScorer : public framework::NodeScorer {
 public:
  LocalityScorer(const core::PodSpec& spec, const framework::ImageIndex& images, size_t nodes)
      : containers_(spec.containers_size()), nodes_total_(static_cast<int64_t>(nodes)) {
    for (const core::Container& container : spec.containers()) {
      const std::string name = WithTag(container.image());
      nodes_with_[name] = images.NodesWith(name);
    }
  }
  bool IsNeeded() const {
    return std::any_of(nodes_with_.begin(), nodes_with_.end(),
                       [](const auto& image) { return image.second > 0; });
  }

  int64_t Score(const framework::NodeInfo& node) const override {
    int64_t bytes = 0;
    for (const core::ContainerImage& image : node.node().status().images()) {
      for (const std::string& name : image.names()) {
        auto wanted = nodes_with_.find(name);
        if (wanted == nodes_with_.end()) continue;
        bytes += image.sizebytes() * wanted->second / std::max<int64_t>(nodes_total_, 1);
        break;
      }
    }
    const int64_t high = kLargeBytes * std::max(containers_, 1);
    bytes = std::clamp(bytes, kSmallBytes, high);
    return framework::kMaxNodeScore * (bytes - kSmallBytes) / (high - kSmallBytes);
  }

 private:
  int containers_;
  int64_t nodes_total_;
  std::unordered_map<std::string, int64_t> nodes_with_;
};

class ImageLocality : public framework::Plugin {
 public:
  explicit ImageLocality(const framework::ImageIndex& images) : images_(images) {}
  std::string_view name() const override { return "ImageLocality"; }
  std::unique_ptr<framework::NodeScorer> PrepareScore(
      const framework::PodInfo& pod, const framework::Snapshot&,
      const framework::Snapshot& all) const override {
    auto scorer = std::make_unique<LocalityScorer>(pod.pod->spec(), images_, all.size());
    if (!scorer->IsNeeded()) return nullptr;
    return scorer;
  }

 private:
  const framework::ImageIndex& images_;
};

}  // namespace

std::unique_ptr<framework::Plugin> MakeImageLocality(const framework::ImageIndex& images) {
  return std::make_unique<ImageLocality>(images);
}

}  // namespace wherry::scheduler::plugins
