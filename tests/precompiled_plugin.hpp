// What nearly every plugin that a test loads includes, compiled once for all of them (gantry_test_plugin in
// cmake/GantryBuild.cmake). Nobody includes this file: a plugin names what it needs itself.
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>

#include "gantry/controller.hpp"
#include "k8s.io/api/core/v1/config.pb.h"
