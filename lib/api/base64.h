#pragma once

#include "lib/base/result.h"

#include <string>
#include <string_view>

// RFC 4648 base64 with padding, as encoding/json writes []byte.
namespace wherry::api {

void AppendBase64(std::string& out, std::string_view bytes);
// CR and LF are skipped.
// Errors: kBadRequest, "illegal base64 data at input byte N".
Result<std::string> DecodeBase64(std::string_view text);

}  // namespace wherry::api
