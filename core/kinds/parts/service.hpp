// Parts of what Services are: which fields go with which type, their rules, and what an update keeps and drops. `spec`
// is a Service's, at `at`. Pure functions, any thread.
#pragma once

#include "core/kinds/kind.hpp"

namespace gantry::kinds {

// ClusterIP when it says nothing.
std::string_view service_type(const JsonObject& spec);
bool is_headless(const JsonObject& spec);
// Whether anybody outside may send to it.
bool is_reached_from_outside(const JsonObject& spec);
// Whether balancers ask its nodes for pods.
bool needs_health_check(const JsonObject& spec);
// Whether lists of both are the same; none is as good as an empty one.
bool same_list(const JsonObject& spec, const JsonObject& old, std::string_view key);

void check_service_ports(const JsonObject& spec, const At& at, Errors& errors);
// clusterIP, clusterIPs, ipFamilies; `old` is null on create, as below.
void check_service_addresses(const JsonObject& spec, const JsonObject* old, const At& at, Errors& errors);
void check_service_address_update(const JsonObject& spec, const JsonObject& old, const At& at, Errors& errors);
void check_outside_addresses(const JsonObject& spec, const JsonObject* old, const At& at, Errors& errors);
// loadBalancerSourceRanges, or the annotation that stood for it. Both are whole Services.
void check_source_ranges(const JsonObject& service, const JsonObject* old, Errors& errors);
// `old` is the stored status.
void check_balancer_status(const JsonObject& status, const JsonObject& old, const JsonObject& spec, const At& at,
                           Errors& errors);

// What is told of a Service, and of its status.
void warn_service(const JsonObject& service, const JsonObject* old, Warnings& warnings);
void warn_service_status(const JsonObject& service, const JsonObject* old, Warnings& warnings);

// clusterIPs from clusterIP, for clients that know only one.
void fill_cluster_ips(JsonObject& spec);
// What an update leaves out and was given once stays; what another type has no use for goes.
void keep_given(JsonObject& spec, const JsonObject& old);
void drop_for_type(JsonObject& spec, const JsonObject& old);

}  // namespace gantry::kinds
