/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Windows: what the guest is and has. */
#include "guest/agent/windows-private.h"
#include "guest/agent/text.h"

#include <iphlpapi.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_WIDE   128u
#define ADDRESSES_FIRST (16u * 1024u)

typedef LONG(WINAPI *GetVersion_)(RTL_OSVERSIONINFOW *info);

/* GetVersionEx tells programs what they want to hear; ntdll tells the truth. */
static void
add_release(char *out, size_t capacity)
{
  RTL_OSVERSIONINFOW info;
  VnText text;
  memset(&info, 0, sizeof info);
  info.dwOSVersionInfoSize = sizeof info;
  GetVersion_ get =
      (GetVersion_)(void *)GetProcAddress(GetModuleHandleW(L"ntdll"), "RtlGetVersion");
  if (get != NULL)
    get(&info);
  vn_text_init(&text, out, capacity);
  vn_text_add_int(&text, info.dwMajorVersion);
  vn_text_add(&text, ".");
  vn_text_add_int(&text, info.dwMinorVersion);
  vn_text_add(&text, ".");
  vn_text_add_int(&text, info.dwBuildNumber);
}

static const char *
machine(void)
{
  SYSTEM_INFO info;
  GetNativeSystemInfo(&info);
  switch (info.wProcessorArchitecture) {
  case PROCESSOR_ARCHITECTURE_AMD64:
    return "x86_64";
  case PROCESSOR_ARCHITECTURE_INTEL:
    return "i686";
  case 12: /* ARM64 */
    return "aarch64";
  default:
    return "unknown";
  }
}

void
vn_os_names(VnOsNames *out)
{
  WCHAR name[NAME_MAX_WIDE];
  DWORD size = NAME_MAX_WIDE;
  memset(out, 0, sizeof *out);
  strcpy(out->os, "windows");
  strcpy(out->machine, machine());
  add_release(out->release, sizeof out->release);
  if (GetComputerNameExW(ComputerNameDnsHostname, name, &size))
    vn_windows_narrow(name, out->hostname, sizeof out->hostname);
}

int64_t
vn_os_memory(void)
{
  MEMORYSTATUSEX status = {.dwLength = sizeof status};
  return GlobalMemoryStatusEx(&status) ? (int64_t)status.ullTotalPhys : 0;
}

int64_t
vn_os_uptime(void)
{
  return (int64_t)GetTickCount64() * VN_MS;
}

int
vn_os_cpus(void)
{
  SYSTEM_INFO info;
  GetNativeSystemInfo(&info);
  return (int)info.dwNumberOfProcessors;
}

static void
visit_adapter(const IP_ADAPTER_ADDRESSES *adapter,
              void (*visit)(const char *iface, const char *address, void *data), void *data)
{
  char name[256], bytes[VN_TEXT_ADDRESS];
  VnText text;
  vn_windows_narrow(adapter->FriendlyName, name, sizeof name);
  for (const IP_ADAPTER_UNICAST_ADDRESS *at = adapter->FirstUnicastAddress; at != NULL;
       at = at->Next) {
    const struct sockaddr *address = at->Address.lpSockaddr;
    vn_text_init(&text, bytes, sizeof bytes);
    if (address->sa_family == AF_INET)
      vn_text_add_address(
          &text, (const uint8_t *)&((const struct sockaddr_in *)(const void *)address)->sin_addr,
          4);
    else if (address->sa_family == AF_INET6)
      vn_text_add_address(
          &text, (const uint8_t *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
          16);
    if (text.used > 0)
      visit(name, bytes, data);
  }
}

void
vn_os_addresses(void (*visit)(const char *iface, const char *address, void *data), void *data)
{
  ULONG size = ADDRESSES_FIRST;
  IP_ADAPTER_ADDRESSES *adapters = malloc(size);
  ULONG error = GetAdaptersAddresses(AF_UNSPEC, 0, NULL, adapters, &size);
  if (error == ERROR_BUFFER_OVERFLOW) {
    free(adapters);
    adapters = malloc(size);
    error = GetAdaptersAddresses(AF_UNSPEC, 0, NULL, adapters, &size);
  }
  for (IP_ADAPTER_ADDRESSES *at = error == 0 ? adapters : NULL; at != NULL; at = at->Next)
    if (at->IfType != IF_TYPE_SOFTWARE_LOOPBACK)
      visit_adapter(at, visit, data);
  free(adapters);
}

int
vn_os_listening(unsigned port)
{
  DWORD size = 0;
  int found = -1;
  GetExtendedTcpTable(NULL, &size, FALSE, AF_INET, TCP_TABLE_BASIC_LISTENER, 0);
  MIB_TCPTABLE *table = malloc(size);
  if (table != NULL &&
      GetExtendedTcpTable(table, &size, FALSE, AF_INET, TCP_TABLE_BASIC_LISTENER, 0) == 0) {
    found = 0;
    for (DWORD i = 0; i < table->dwNumEntries && !found; i++)
      found = ntohs((u_short)table->table[i].dwLocalPort) == port;
  }
  free(table);
  return found;
}

/* An interface that the engine plugged in again comes up by itself. */
int
vn_os_link(const char *name, int up)
{
  (void)name;
  (void)up;
  return 0;
}
