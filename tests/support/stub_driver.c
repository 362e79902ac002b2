/* NVIDIA's driver as far as engine/runtime/cuda.py calls it, on this machine's memory: one GPU with a megabyte.
   It lets the real binding be tested without a GPU. A captured graph does nothing when it is launched. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int Result;
typedef unsigned long long Address;
typedef void *Handle;

static const Handle CONTEXT = (Handle)0x77, STREAM = (Handle)0x88, GRAPH = (Handle)0x99, READY = (Handle)0xaa;
static int capturing, is_current;

static Result on_stream(Handle stream) { return is_current && stream == STREAM ? 0 : 400; }
static Result said(const char *what, Result answer) {
  fprintf(stdout, "%s\n", what);
  fflush(stdout);
  return answer;
}

Result cuInit(unsigned flags) { return flags ? 1 : 0; }
Result cuDeviceGet(int *device, int index) { *device = index; return index == 0 ? 0 : 101; }
Result cuDevicePrimaryCtxRetain(Handle *context, int device) { *context = CONTEXT; return device; }
Result cuDevicePrimaryCtxRelease_v2(int device) { return said("context released", device); }
Result cuCtxSetCurrent(Handle context) { is_current = context == CONTEXT; return is_current ? 0 : 201; }
Result cuMemAlloc_v2(Address *address, size_t size) {
  if (size > 1 << 20) return 2;
  *address = (Address)malloc(size);
  return 0;
}
Result cuMemFree_v2(Address address) { free((void *)address); return said("memory freed", 0); }
Result cuMemHostAlloc(void **address, size_t size, unsigned flags) { *address = malloc(size); return (Result)flags; }
Result cuMemFreeHost(void *address) { free(address); return said("pinned freed", 0); }
Result cuStreamCreate(Handle *stream, unsigned flags) { *stream = STREAM; return flags == 1 ? 0 : 1; }
Result cuStreamDestroy_v2(Handle stream) { return said("stream destroyed", on_stream(stream)); }
Result cuMemcpyHtoDAsync_v2(Address to, const void *from, size_t size, Handle stream) {
  if (!capturing) memcpy((void *)to, from, size);
  return on_stream(stream);
}
Result cuMemcpyDtoHAsync_v2(void *to, Address from, size_t size, Handle stream) {
  if (!capturing) memcpy(to, (void *)from, size);
  return on_stream(stream);
}
Result cuStreamSynchronize(Handle stream) { return capturing ? 900 : on_stream(stream); }
Result cuStreamBeginCapture_v2(Handle stream, int mode) { capturing = 1; return mode == 1 ? on_stream(stream) : 1; }
Result cuStreamEndCapture(Handle stream, Handle *graph) { capturing = 0; *graph = GRAPH; return on_stream(stream); }
Result cuGraphInstantiateWithFlags(Handle *ready, Handle graph, unsigned long long flags) {
  *ready = READY;
  return graph == GRAPH && !flags ? 0 : 1;
}
Result cuGraphLaunch(Handle ready, Handle stream) { return ready == READY ? on_stream(stream) : 400; }
Result cuGraphExecDestroy(Handle ready) { return said("graph dropped", ready == READY ? 0 : 400); }
Result cuGraphDestroy(Handle graph) { return graph == GRAPH ? 0 : 400; }

Result cuGetProcAddress_v2(const char *name, void **found, int version, unsigned long long flags, int *status) {
  const char *forms[] = {"%s_v2", "%s", "%sWithFlags"};
  char form[200];
  Dl_info self;
  (void)version, (void)flags;
  dladdr((void *)cuInit, &self);
  Handle library = dlopen(self.dli_fname, RTLD_NOW);
  *found = NULL;
  for (int index = 0; index < 3 && !*found; index++) {
    snprintf(form, sizeof form, forms[index], name);
    *found = dlsym(library, form);
  }
  if (status) *status = *found ? 0 : 1;
  return 0;
}
