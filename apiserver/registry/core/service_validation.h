#pragma once

#include "apiserver/registry/core/field_checks.h"

namespace wherry::api::core::v1 {
class Service;
}

// Source: pkg/apis/core/validation ValidateService and the functions around it.
namespace wherry::apiserver::registry {

ErrorList ValidateService(const api::core::v1::Service& service);
ErrorList ValidateServiceUpdate(const api::core::v1::Service& service,
                                const api::core::v1::Service& old);
ErrorList ValidateServiceStatus(const api::core::v1::Service& service);

// clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy: what they must be, and how they may change.
void ValidateServiceAddresses(const api::core::v1::Service& service, ErrorList& errors);
void ValidateServiceAddressesUpdate(const api::core::v1::Service& service,
                                    const api::core::v1::Service& old, ErrorList& errors);

}  // namespace wherry::apiserver::registry
