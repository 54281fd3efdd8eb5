#pragma once

#include "lib/base/result.h"
#include "lib/http/certificates.h"
#include "lib/loop/task.h"
#include "lib/loop/world.h"

#include <functional>
#include <string>

namespace wherry::cli {

// When a certificate is to be renewed: at a random point between 70 and 80 % of its life, so that
// what began together does not come back together, and a server that is away for a while is no
// matter.
WallTime RenewalTime(const http::ParsedCertificate& certificate, Random& random);

// Gets a new certificate into use, and gives its PEM.
using Renew = std::function<Task<Result<std::string>>()>;

// Calls `renew` whenever the certificate is due, for ever; after an error again within two minutes.
// A clock that is set is noticed within an hour. `name` is for the log. Loop thread.
Task<void> KeepRenewed(World& world, std::string name, std::string certificate_pem, Renew renew);

}  // namespace wherry::cli
