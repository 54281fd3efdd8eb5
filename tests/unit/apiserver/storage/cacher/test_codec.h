#pragma once

#include "apiserver/storage/cacher/object_codec.h"

#include <memory>

namespace wherry::apiserver::storage {

// A kind like Pod: indexed by spec.nodeName. Its message is a google.protobuf.StringValue that
// holds the JSON; text with "broken" in it cannot be parsed.
class TestCodec : public ObjectCodec {
 public:
  const std::vector<SelectableField>& selectable_fields() const override { return fields_; }
  const std::vector<std::string>& indexed_fields() const override { return indexed_; }
  Result<std::shared_ptr<const google::protobuf::Message>> Parse(
      std::string_view json) const override;
  Result<std::string> Protobuf(const google::protobuf::Message& message) const override;

  mutable int parsed = 0;
  mutable int encoded = 0;

 private:
  std::vector<SelectableField> fields_{{"spec.nodeName", ""},
                                       {"spec.unschedulable", "false"},
                                       {"spec.replicas", ""},
                                       {"status.phase", ""}};
  std::vector<std::string> indexed_{"spec.nodeName"};
};

}  // namespace wherry::apiserver::storage
