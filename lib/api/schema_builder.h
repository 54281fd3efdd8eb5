#pragma once

#include "lib/api/schema.h"

#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace wherry::api {

// Builds and owns the schemas of every message type of ApiFiles().
class SchemaBuilder {
 public:
  SchemaBuilder();
  SchemaBuilder(const SchemaBuilder&) = delete;
  SchemaBuilder& operator=(const SchemaBuilder&) = delete;

  const Schema& Get(const google::protobuf::Descriptor& descriptor) const;

 private:
  Schema& Message(const google::protobuf::Descriptor& descriptor);
  void AddFields(const google::protobuf::Descriptor& descriptor,
                 const std::vector<const google::protobuf::FieldDescriptor*>& path, Schema& into);
  FieldSchema Field(const google::protobuf::FieldDescriptor& field,
                    const std::vector<const google::protobuf::FieldDescriptor*>& path);
  const Schema& TypeOf(const google::protobuf::FieldDescriptor& field);
  const Schema& Single(const google::protobuf::FieldDescriptor& field);
  const Schema& Scalar(ValueType type, const char* name);
  const Schema& Container(ValueType type, const Schema& element);
  bool FindDefaults(Schema& schema, std::unordered_set<Schema*>& open);

  std::deque<Schema> schemas_;
  std::unordered_map<const google::protobuf::Descriptor*, Schema*> by_descriptor_;
  std::map<std::string, Schema*> scalars_;
  std::map<std::pair<ValueType, const Schema*>, Schema*> containers_;
};

}  // namespace wherry::api
