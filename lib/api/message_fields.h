#pragma once

#include "lib/api/schema.h"

#include <string>

namespace google::protobuf {
class Message;
}

namespace wherry::api {

// Decodes `value` into the field of `message`, which must be absent. Errors: as FromDocument.
Status SetField(const json::Value& value, const FieldSchema& field,
                google::protobuf::Message* message);

// What base64 text that passed CheckScalar stands for.
std::string BytesOf(const json::Value& value);

// Fills a Time, Quantity, IntOrString, RawExtension... from a value that passed CheckScalar.
void SetSpecial(const json::Value& value, ValueType type, google::protobuf::Message* message);

}  // namespace wherry::api
