#pragma once

#include "apiserver/storage/interface.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace wherry::apiserver::storage {

// Where metadata.resourceVersion goes in an object's stored JSON. Found once per object, without
// parsing it.
struct ResourceVersionSplice {
  enum class Kind : uint8_t {
    kMember,    // `"resourceVersion":".."` goes at `at`
    kMetadata,  // `"metadata":{"resourceVersion":".."}` goes at `at`: the object has no metadata
    kRewrite,   // it is there already, or the text is unusual: parse and print
    kNone,      // not an object
  };
  Kind kind = Kind::kNone;
  bool comma = false;  // something follows in the same object
  uint32_t at = 0;
};

ResourceVersionSplice FindResourceVersionSplice(std::string_view json);

// Appends `json` with the revision put in. `splice` belongs to `json`.
void AppendSpliced(std::string_view json, ResourceVersionSplice splice, Revision revision,
                   std::string& out);

}  // namespace wherry::apiserver::storage
