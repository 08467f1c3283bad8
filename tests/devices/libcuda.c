/* A driver without a GPU behind it.
   VERSION: of CUDA, as 12050. STARTS: what cuInit answers, 0 for well. */
#include <stddef.h>

int cuInit(unsigned flags) { return STARTS; }
int cuDriverGetVersion(int *version) { *version = VERSION; return 0; }
int cuGetErrorName(int code, const char **name) { *name = "CUDA_ERROR_OF_A_TEST"; return 0; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
int cuDeviceGet(int *device, int number) { *device = number; return number > 0; }
static int retained, pushed;
int cuDevicePrimaryCtxRetain(void **context, int device) {
  *context = (void *)1;
  retained++;
  return 0;
}
int cuDevicePrimaryCtxRelease_v2(int device) { retained--; return 0; }
int cuCtxPushCurrent_v2(void *context) { pushed++; return retained && context ? 0 : 201; }
int cuCtxPopCurrent_v2(void **context) { *context = (void *)1; pushed--; return 0; }
int contexts_left(void) { return retained + pushed; }
/* Other programs hold 5 GiB. Outside of a context it fails: CUDA_ERROR_INVALID_CONTEXT. */
int cuMemGetInfo_v2(size_t *free, size_t *all) {
  *all = (size_t)16 << 30;
  *free = (size_t)11 << 30;
  return pushed ? 0 : 201;
}
