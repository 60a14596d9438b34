// Owns the compiled descriptor set of the API types, put into the library's read-only data by the assembler.
// Read by tree.cpp.
__asm__(
    ".section .rodata\n"
    ".balign 16\n"
    ".global gantry_api_descriptors_begin\n"
    ".hidden gantry_api_descriptors_begin\n"
    "gantry_api_descriptors_begin:\n"
    ".incbin \"" GANTRY_API_DESCRIPTORS_FILE
    "\"\n"
    ".global gantry_api_descriptors_end\n"
    ".hidden gantry_api_descriptors_end\n"
    "gantry_api_descriptors_end:\n"
    ".byte 0\n"
    ".previous\n");

// The file holds no other code; an empty translation unit is not C.
extern const char gantry_api_descriptors_begin[];
