#pragma once

#include "lib/api/schema.h"

namespace google::protobuf {
class Message;
}

namespace wherry::api {

// Decodes `value` into the field of `message`, which must be absent. Errors: as FromDocument.
Status SetField(const json::Value& value, const FieldSchema& field,
                google::protobuf::Message* message);

}  // namespace wherry::api
