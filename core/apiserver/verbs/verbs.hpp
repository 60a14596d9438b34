// One function a verb; each answers its call's exchange, now or later. [any-thread]
#pragma once

#include "core/apiserver/request/call.hpp"

namespace gantry::apiserver {

void create(const CallPtr& call);
void get(const CallPtr& call);
void list(const CallPtr& call);
void watch(const CallPtr& call);
void update(const CallPtr& call);
void patch(const CallPtr& call);
void remove(const CallPtr& call);
void remove_collection(const CallPtr& call);

// Subresources.
void scale(const CallPtr& call);
void pod_evict(const CallPtr& call);
void pod_log(const CallPtr& call);
void pod_exec(const CallPtr& call);
void not_implemented(const CallPtr& call);  // 501
// By an object of another kind, as the kind says (null: not that one), and by the older address of it.
const schema::SubresourceWrite* find_write(const schema::Kind& kind, std::string_view subresource);
void write_subresource(const CallPtr& call);
void write_through(const CallPtr& call);

// create() with a body that has been read already (PUT of what isn't there).
void create_document(const CallPtr& call, Json document);

}  // namespace gantry::apiserver
