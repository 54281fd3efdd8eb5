#pragma once

#include "lib/client/api_client.h"

#include <string_view>

// What controllers ask of the server again and again, and how they read its errors.
namespace wherry::controllers {

// Says nothing about whether the server did what it was asked: no answer came.
bool IsAmbiguous(const Error& error);
// The error's status carries a cause of that reason ("NamespaceTerminating").
bool HasCause(const Error& error, std::string_view reason);

// Deletes this very object, and no namesake; fine when it is gone already.
Task<Status> DeleteObject(client::ApiClient& client, client::MessagePtr object,
                          client::DeleteOptions options = {});
// Whether the server still has this very object, and is not deleting it. A cache may lag behind.
Task<Result<bool>> StillExists(client::ApiClient& client, client::MessagePtr object);

}  // namespace wherry::controllers
