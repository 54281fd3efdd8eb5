#pragma once

#include "lib/http/certificates.h"
#include "lib/loop/loop.h"

namespace wherry::cli {

// Whether a certificate says who `wanted` asks for, under every name and address.
bool Says(const http::ParsedCertificate& stored, const http::CertificateRequest& wanted);

// Whether a certificate of an earlier start is still the one to use: it says who `wanted` asks for,
// under every name and address, and more than a third of its life is left.
bool StillServes(const http::ParsedCertificate& stored, const http::CertificateRequest& wanted,
                 WallTime now);

}  // namespace wherry::cli
