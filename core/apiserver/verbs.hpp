// One function a verb; each answers its call's exchange, now or later. [any-thread]
#pragma once

#include "core/apiserver/environment.hpp"

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
void bind_pod(const CallPtr& call);
void pod_log(const CallPtr& call);
void pod_exec(const CallPtr& call);

// create() with a body that has been read already (PUT of what isn't there).
void create_document(const CallPtr& call, Json document);

}  // namespace gantry::apiserver
