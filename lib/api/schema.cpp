#include "lib/api/schema.h"

#include "lib/api/schema_builder.h"
#include "lib/base/check.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace wherry::api {
namespace {

template <typename T>
uint64_t Load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

// From the length, the beginning and the end; names of one object rarely agree in all three.
size_t NameHash(std::string_view name) {
  const char* front = name.data();
  const char* back = front + name.size();
  uint64_t first = 0;
  uint64_t last = 0;
  if (name.size() >= 8) {
    first = Load<uint64_t>(front);
    last = Load<uint64_t>(back - 8);
  } else if (name.size() >= 4) {
    first = Load<uint32_t>(front);
    last = Load<uint32_t>(back - 4);
  } else if (!name.empty()) {
    first = Load<uint8_t>(front);
    last = Load<uint8_t>(back - 1);
  }
  uint64_t hash = (first + name.size()) * 0x9E3779B97F4A7C15U;
  hash = (hash ^ last ^ hash >> 29U) * 0xBF58476D1CE4E5B9U;
  return static_cast<size_t>(hash ^ hash >> 32U);
}

}  // namespace

const Schema& Schema::Of(const google::protobuf::Descriptor& descriptor) {
  static const SchemaBuilder* const builder = new SchemaBuilder();
  return builder->Get(descriptor);
}

void Schema::BuildIndex() {
  CHECK(fields_.size() <= kMaxFields);
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
