/* A driver without a GPU behind it, as far as TensorFlow asks before it looks for CUDA's libraries.
   VERSION: of CUDA, as 12050. STARTS: what cuInit answers, 0 for well. */
#include <string.h>

int cuInit(unsigned flags) { return STARTS; }
int cuDriverGetVersion(int *version) { *version = VERSION; return 0; }
int cuGetErrorName(int code, const char **name) { *name = "CUDA_ERROR_OF_A_TEST"; return 0; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
int cuDeviceGet(int *device, int number) { *device = number; return number > 0; }
int cuDeviceGetName(char *name, int size, int device) { strncpy(name, "Test", size); return 0; }
int cuDeviceTotalMem_v2(size_t *size, int device) { *size = (size_t)16 << 30; return 0; }
int cuDeviceGetPCIBusId(char *id, int size, int device) { strncpy(id, "0000:01:00.0", size); return 0; }
int cuDeviceGetAttribute(int *value, int which, int device) {
  *value = which == 75 ? 9 : which == 76 ? 0 : 1; /* compute capability 9.0 */
  return 0;
}
int cuDevicePrimaryCtxSetFlags_v2(int device, unsigned flags) { return 0; }
int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) {
  *flags = 0, *active = 1;
  return 0;
}
int cuCtxSetCurrent(void *context) { return 0; }
int cuCtxGetCurrent(void **context) { *context = (void *)1; return 0; }
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
int cuCtxGetDevice(int *device) { *device = 0; return 0; }
/* Other programs hold 5 GiB. Outside of a context it fails: CUDA_ERROR_INVALID_CONTEXT. */
int cuMemGetInfo_v2(size_t *free, size_t *all) {
  *all = (size_t)16 << 30;
  *free = (size_t)11 << 30;
  return pushed ? 0 : 201;
}
int nvmlInit_v2(void) { return 0; }
