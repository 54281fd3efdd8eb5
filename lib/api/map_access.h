#pragma once

#include <google/protobuf/map.h>
#include <google/protobuf/message.h>

#include <string>
#include <vector>

namespace wherry::api {

using StringMap = google::protobuf::Map<std::string, std::string>;

// A map field with text or bytes as values, as it is kept.
//
// protobuf's public reflection hands a map out only as a list of entries that it makes on the way,
// under a lock, and keeps beside the map. Here is the map itself. Included by .cpp files only.
const StringMap& GetStringMap(const google::protobuf::Message& message,
                              const google::protobuf::FieldDescriptor& field);
StringMap* MutableStringMap(google::protobuf::Message* message,
                            const google::protobuf::FieldDescriptor& field);

// One entry of a map whose values are messages (Quantity, Time, ExtraValue).
struct MessageEntry {
  const std::string* key;
  const google::protobuf::Message* value;
};
// Sorted by key.
std::vector<MessageEntry> GetMessageMap(const google::protobuf::Message& message,
                                        const google::protobuf::FieldDescriptor& field);
// The (new or present) value of `key`.
google::protobuf::Message* MutableMessageMapValue(google::protobuf::Message* message,
                                                  const google::protobuf::FieldDescriptor& field,
                                                  const std::string& key);

}  // namespace wherry::api
