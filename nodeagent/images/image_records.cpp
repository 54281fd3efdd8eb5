#include "nodeagent/images/image_records.h"

#include "lib/json/json.h"

#include <nlohmann/json.hpp>

namespace wherry::nodeagent::images {
namespace {

constexpr json::ParseLimits kLimits{.max_depth = 20, .max_bytes = 64 << 20};

}  // namespace

std::string EncodeRecords(const std::vector<StoredImage>& images) {
  json::Value list = json::Value::array();
  for (const auto& [image, diff_ids] : images) {
    json::Value item;
    item["id"] = image.id;
    item["repoTags"] = image.repo_tags;
    item["repoDigests"] = image.repo_digests;
    item["sizeBytes"] = image.size_bytes;
    item["entrypoint"] = image.config.entrypoint;
    item["cmd"] = image.config.cmd;
    item["env"] = image.config.env;
    item["workingDir"] = image.config.working_dir;
    item["user"] = image.config.user;
    item["stopSignal"] = image.config.stop_signal;
    item["layers"] = diff_ids;
    list.push_back(std::move(item));
  }
  json::Value document;
  document["images"] = std::move(list);
  return json::DumpPretty(document) + "\n";
}

Result<std::vector<StoredImage>> DecodeRecords(std::string_view text) {
  TRY(json::Value document, json::Parse(text, kLimits));
  auto broken = [] { return MakeError(Reason::kInvalid, "images.json is broken"); };
  if (!document.is_object() || !document.contains("images")) return broken();
  std::vector<StoredImage> images;
  bool ok = true;
  auto text_of = [&](const json::Value& item, const char* name) {
    auto found = item.find(name);
    ok = ok && found != item.end() && found->is_string();
    return ok ? found->get<std::string>() : std::string();
  };
  auto texts_of = [&](const json::Value& item, const char* name) {
    std::vector<std::string> list;
    auto found = item.find(name);
    ok = ok && found != item.end() && found->is_array();
    if (!ok) return list;
    for (const json::Value& element : *found) {
      ok = ok && element.is_string();
      if (ok) list.push_back(element.get<std::string>());
    }
    return list;
  };
  for (const json::Value& item : document["images"]) {
    if (!item.is_object() || !item.contains("sizeBytes") ||
        !item["sizeBytes"].is_number_integer()) {
      return broken();
    }
    StoredImage stored;
    stored.image.id = text_of(item, "id");
    stored.image.repo_tags = texts_of(item, "repoTags");
    stored.image.repo_digests = texts_of(item, "repoDigests");
    stored.image.size_bytes = item["sizeBytes"].get<int64_t>();
    stored.image.config.entrypoint = texts_of(item, "entrypoint");
    stored.image.config.cmd = texts_of(item, "cmd");
    stored.image.config.env = texts_of(item, "env");
    stored.image.config.working_dir = text_of(item, "workingDir");
    stored.image.config.user = text_of(item, "user");
    stored.image.config.stop_signal = text_of(item, "stopSignal");
    stored.diff_ids = texts_of(item, "layers");
    if (!ok) return broken();
    images.push_back(std::move(stored));
  }
  return images;
}

}  // namespace wherry::nodeagent::images
