/* The library that a fixture is linked against and that the loader will not find. */
int fixture_dependency(void);
__attribute__((visibility("default"))) int fixture_dependency(void) { return 1; }
