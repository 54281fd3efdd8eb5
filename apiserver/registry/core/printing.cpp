#include "apiserver/registry/core/printing.h"

#include "lib/api/labels.h"
#include "lib/api/time.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/meta/v1.pb.h"

#include <map>

namespace wherry::apiserver::registry {

std::string NameCell(const api::meta::v1::ObjectMeta& metadata) {
  return StringCell(metadata.name());
}

std::string TimeSince(const api::meta::v1::Time& time, WallTime now) {
  if (time.seconds() == 0 || time.seconds() == api::kZeroTimeSeconds) return "<unknown>";
  return Age(api::ToWallClock(time), now);
}

std::string AgeCell(const api::meta::v1::ObjectMeta& metadata, WallTime now) {
  return StringCell(TimeSince(metadata.creationtimestamp(), now));
}

std::string CellOr(std::string_view text, std::string_view fallback) {
  return StringCell(text.empty() ? fallback : text);
}

namespace {
constexpr int kShownMax = 3;
}  // namespace

void ShortList::Add(std::string_view item) {
  if (++count_ > kShownMax) return;
  if (!text_.empty()) text_ += ',';
  text_ += item;
}

std::string ShortList::Text() const {
  if (count_ <= kShownMax) return text_;
  return text_ + " + " + std::to_string(count_ - kShownMax) + " more...";
}

std::string FormatLabels(const google::protobuf::Map<std::string, std::string>& labels) {
  if (labels.empty()) return "<none>";
  std::string text;
  for (const auto& [key, value] :
       std::map<std::string, std::string>(labels.begin(), labels.end())) {
    if (!text.empty()) text += ',';
    text += key + "=" + value;
  }
  return text;
}

std::string FormatLabelSelector(const api::meta::v1::LabelSelector& selector) {
  auto parsed = api::Selector::FromLabelSelector(selector);
  if (!parsed.ok()) return "<error>";
  std::string text = parsed->String();
  return text.empty() ? "<none>" : text;
}

namespace {

template <typename Get>
std::string Join(const api::core::v1::PodSpec& spec, const Get& get) {
  std::string text;
  for (const auto& container : spec.containers()) {
    if (&container != &spec.containers(0)) text += ',';
    text += get(container);
  }
  return text;
}

}  // namespace

std::string ContainerNames(const api::core::v1::PodSpec& spec) {
  return Join(spec, [](const auto& container) -> const std::string& { return container.name(); });
}

std::string ContainerImages(const api::core::v1::PodSpec& spec) {
  return Join(spec, [](const auto& container) -> const std::string& { return container.image(); });
}

}  // namespace wherry::apiserver::registry
