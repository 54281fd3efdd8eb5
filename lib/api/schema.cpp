#include "lib/api/schema.h"

#include "lib/api/schema_builder.h"
#include "lib/base/check.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <array>
#include <limits>

namespace wherry::api {
namespace {

uint32_t NameHash(std::string_view name) {
  uint32_t hash = 2166136261U;  // FNV-1a
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

}  // namespace

const Schema& Schema::Of(const google::protobuf::Descriptor& descriptor) {
  static const SchemaBuilder* const builder = new SchemaBuilder();
  return builder->Get(descriptor);
}

void Schema::BuildIndex() {
  CHECK(fields_.size() < std::numeric_limits<uint16_t>::max());
  std::sort(fields_.begin(), fields_.end(),
            [](const FieldSchema& a, const FieldSchema& b) { return a.name < b.name; });
  size_t size = 4;
  while (size < fields_.size() * 2) size *= 2;
  index_.assign(size, 0);
  for (size_t i = 0; i < fields_.size(); ++i) {
    CHECK_THAT(Find(fields_[i].name) == nullptr, name_ + "." + fields_[i].name + " is there twice");
    size_t slot = NameHash(fields_[i].name) & (size - 1);
    while (index_[slot] != 0) slot = (slot + 1) & (size - 1);
    index_[slot] = static_cast<uint16_t>(i + 1);
  }
}

const FieldSchema* Schema::Find(std::string_view json_name) const {
  if (index_.empty()) return nullptr;
  const size_t mask = index_.size() - 1;
  for (size_t slot = NameHash(json_name) & mask; index_[slot] != 0; slot = (slot + 1) & mask) {
    const FieldSchema& field = fields_[index_[slot] - 1U];
    if (field.name == json_name) return &field;
  }
  return nullptr;
}

std::string OpenApiDefinitionName(const google::protobuf::Descriptor& descriptor) {
  struct Row {
    std::string_view ours;
    std::string_view published;
  };
  static constexpr std::array kRows = {
      Row{"wherry.api.meta.v1.Quantity", "io.k8s.apimachinery.pkg.api.resource.Quantity"},
      Row{"wherry.api.meta.v1.IntOrString", "io.k8s.apimachinery.pkg.util.intstr.IntOrString"},
      Row{"wherry.api.meta.v1.RawExtension", "io.k8s.apimachinery.pkg.runtime.RawExtension"},
  };
  const std::string& name = descriptor.full_name();
  for (const Row& row : kRows) {
    if (row.ours == name) return std::string(row.published);
  }
  static constexpr std::string_view kMeta = "wherry.api.meta.";
  static constexpr std::string_view kApi = "wherry.api.";
  if (name.starts_with(kMeta)) {
    return "io.k8s.apimachinery.pkg.apis.meta." + name.substr(kMeta.size());
  }
  return "io.k8s.api." + name.substr(kApi.size());
}

}  // namespace wherry::api
