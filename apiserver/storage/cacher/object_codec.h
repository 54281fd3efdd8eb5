#pragma once

#include "lib/base/result.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace google::protobuf {
class Message;
}

namespace wherry::apiserver::storage {

// A scalar of the stored JSON that a fieldSelector may name, by its path from the root
// ("spec.nodeName"). Numbers and booleans select by their JSON spelling. `absent` is what an object
// without it selects as: "" mostly, "false" for spec.unschedulable.
struct SelectableField {
  std::string path;
  std::string absent;
  std::string from = {};       // where the value is, when `path` is only a name for it
  std::string otherwise = {};  // where it is when there is none at the first place
};

// What the cacher must know about the kind stored under a key prefix. Registered once per prefix;
// immutable, outlives every object made with it. Loop thread.
class ObjectCodec {
 public:
  virtual ~ObjectCodec() = default;

  // metadata.name and metadata.namespace are always selectable and need not be listed.
  virtual const std::vector<SelectableField>& selectable_fields() const = 0;
  // Those of selectable_fields by which lists and watches are indexed: cost of the result, not of a
  // scan. Each costs a short parse per write, so: "spec.nodeName" of pods, rarely another.
  virtual const std::vector<std::string>& indexed_fields() const = 0;

  // The object parsed into its message. `json` carries metadata.resourceVersion. Errors:
  // kInternalError when the stored text is not an object of this kind.
  virtual Result<std::shared_ptr<const google::protobuf::Message>> Parse(
      std::string_view json) const = 0;
  // The message as application/vnd.kubernetes.protobuf: magic "k8s\0", then runtime.Unknown around
  // it.
  virtual Result<std::string> Protobuf(const google::protobuf::Message& message) const = 0;
};

}  // namespace wherry::apiserver::storage
